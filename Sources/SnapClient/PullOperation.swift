package import SnapCore
import SnapDigest
package import SnapIO
package import SnapModel
package import SnapTransfer
package import SnapTrees

/// Fetches a snapshot from a server into a store: only what the store lacks.
///
/// Nothing that comes is trusted: every object is hashed, and the snapshot is looked through before it is committed. Memory:
/// a bundle, and what ``TreeTransfer`` keeps.
package struct PullOperation: Sendable {
    package init() {}

    /// Times that one question is asked again after its answer was cut.
    private static let cutsMax = 5

    package struct Result: Sendable {
        package let commit: CommitResult
        /// Raw bytes of the objects that came.
        package let newBytes: Int64
    }

    /// - Parameters:
    ///   - found: As the server tells of it: it is filed under the same organisation and name.
    ///   - tag: That it gets here, whatever had it before; nil for none.
    /// - Throws: ``StoreError``; nothing of it stays then.
    package func run(
        _ found: SnapshotMessage, tag: String?, from remote: RemoteStore, into store: Store,
        executor: BlockingExecutor, progress: Progress
    ) async throws -> Result {
        guard let id = RecordID(found.id), let manifest = Digest(found.digest), SnapshotName.isValid(found.org),
            SnapshotName.isValid(found.name), tag.map(SnapshotName.isValidTag) ?? true
        else { throw StoreError(.io, "The server's answer cannot be understood.") }
        var draft = SnapshotDraft(name: found.name, tag: tag, manifest: manifest, kind: "")
        draft.force = true
        draft.creator = found.creator
        draft.labels = [SnapshotRecord.Label](byKey: found.labels)
        let receiver = try await executor.run { try Receiver(store.beginSession(.pull, org: found.org)) }
        do {
            progress.enter(.reading)
            let newBytes = try await fetch(ObjectKey(.manifest, manifest), id, remote, receiver, executor, progress)
            try progress.check()
            progress.enter(.committing)
            let ready = draft
            let commit = try await executor.run { try receiver.commit(ready) }
            return Result(commit: commit, newBytes: newBytes)
        } catch {
            try? await executor.run { receiver.end() }
            throw error
        }
    }

    private func fetch(
        _ root: ObjectKey, _ id: RecordID, _ remote: RemoteStore, _ receiver: Receiver, _ executor: BlockingExecutor,
        _ progress: Progress
    ) async throws -> Int64 {
        var transfer = TreeTransfer(root: root)
        var newBytes: Int64 = 0
        /// Fetches some objects. Returns what the nodes among them name.
        func fetch(_ keys: ArraySlice<ObjectKey>) async throws -> [ObjectKey: [ObjectKey]] {
            var children: [ObjectKey: [ObjectKey]] = [:]
            var left = Set(keys)
            var cuts = 0
            while !left.isEmpty {
                try progress.check()
                do {
                    let parser = ReceivingParser()
                    try await remote.bundle(KeyList(left), of: id) { bytes in
                        try progress.check()
                        let came = try await executor.run { try receiver.take(bytes, parser) }
                        left.subtract(came.keys)
                        children.merge(came.children) { first, _ in first }
                        newBytes += came.rawBytes
                        progress.add(entries: UInt64(came.keys.count), bytes: UInt64(clamping: came.rawBytes))
                    }
                    guard left.isEmpty else {
                        throw StoreError(.corrupt, "The server did not send all that it was asked for.")
                    }
                } catch let error as StoreError where error.code == .unreachable || error.code == .busy {
                    // What came is of use: only the rest is asked for again.
                    cuts += 1
                    guard cuts <= Self.cutsMax else { throw error }
                    try await Task.sleep(nanoseconds: UInt64(cuts) * 200_000_000)
                }
            }
            return children
        }
        // Many at once, so that most of their frames come as they are.
        var chunks: [ObjectKey] = []
        while !transfer.isDone {
            try progress.check()
            let asked = transfer.next()
            let held = try await executor.run { try receiver.held(asked) }
            chunks += transfer.answer { !held.contains($0) }.filter { $0.kind == .chunk }
            let children = try await fetch(transfer.nodes[...])
            transfer.expand(transfer.nodes.map { children[$0] ?? [] })
            while chunks.count >= KeyList.bundleCountMax || (transfer.isDone && !chunks.isEmpty) {
                _ = try await fetch(chunks.prefix(KeyList.bundleCountMax))
                chunks.removeFirst(min(chunks.count, KeyList.bundleCountMax))
            }
        }
        return newBytes
    }
}

/// The session of a pull, for one thread at a time.
private final class Receiver: @unchecked Sendable {
    private let session: Session
    private let opener: BundleOpener

    struct Came: Sendable {
        var keys: [ObjectKey] = []
        var children: [ObjectKey: [ObjectKey]] = [:]
        var rawBytes: Int64 = 0
    }

    init(_ session: Session) throws {
        self.session = session
        opener = try BundleOpener()
    }

    func held(_ keys: [ObjectKey]) throws -> Set<ObjectKey> {
        var held: Set<ObjectKey> = []
        for key in keys where try session.contains(key) { held.insert(key) }
        return held
    }

    /// Takes the next bytes of a bundle.
    func take(_ bytes: [UInt8], _ parsing: ReceivingParser) throws -> Came {
        var came = Came()
        do {
            try bytes.withUnsafeBytes { bytes in
                try parsing.parser.feed(bytes) { frame in
                    try opener.open(frame) { objects in
                        try session.put(frame.frame, objects)
                        for (key, bytes) in objects {
                            came.keys.append(key)
                            came.rawBytes += Int64(bytes.count)
                            guard key.kind != .chunk else { continue }
                            came.children[key] = try ObjectChildren.of(key.kind, Array(bytes))
                        }
                    }
                }
            }
        } catch let error as FormatError {
            throw StoreError(.corrupt, "The server sent what is no part of a snapshot: \(error.message)")
        }
        return came
    }

    func commit(_ draft: SnapshotDraft) throws -> CommitResult {
        try session.flush()
        var draft = draft
        try SnapshotInspection.fill(&draft, from: session)
        return try session.commit(draft, cause: "pull")
    }

    func end() { session.end() }
}

/// Where one answer is taken apart, for one thread at a time.
private final class ReceivingParser: @unchecked Sendable {
    var parser = BundleParser()
}
