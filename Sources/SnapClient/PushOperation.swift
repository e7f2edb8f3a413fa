package import SnapCore
package import SnapDigest
package import SnapIO
package import SnapModel
package import SnapTransfer
package import SnapTrees

/// Sends a snapshot to a server: only what its organisation lacks there.
///
/// Memory: a bundle on its way and the next one, and what ``TreeTransfer`` keeps.
package struct PushOperation: Sendable {
    package var ifMatch: String?
    package var force = false

    package init() {}

    package struct Result: Sendable {
        package let snapshot: SnapshotMessage
        /// False when its tag named the same content there already.
        package let isNew: Bool
        package let replaced: String?
        /// Raw bytes of the objects that were sent.
        package let newBytes: Int64
    }

    /// Objects that are read, and sent, together.
    private static let batch = 128
    private static let bundleBytes = 4 << 20
    /// After these the same push, opened again, goes on.
    private static let goesOnLater: Set<StoreError.Code> = [.unreachable, .interrupted, .rateLimited]

    /// - Throws: ``StoreError``. When it was cut or interrupted, the same push goes on where it was, within an hour.
    package func run(
        _ manifest: Digest, as name: String, tag: String?, labels: [SnapshotRecord.Label], from reader: ObjectReader,
        to remote: RemoteStore, executor: BlockingExecutor, progress: Progress
    ) async throws -> Result {
        var message = OpenPushMessage(name: name, tag: tag, manifest: manifest.description)
        message.ifMatch = ifMatch
        message.force = force ? true : nil
        message.labels = labels.isEmpty ? nil : labels.byKey
        // The same push, when it is repeated after a cut.
        let key = "\(name):\(tag ?? "") \(manifest)"
        let opened = try await remote.openPush(message, key: key)
        guard let session = opened.session else {
            guard let snapshot = opened.snapshot else {
                throw StoreError(.io, "The server's answer cannot be understood.")
            }
            return Result(snapshot: snapshot, isNew: false, replaced: nil, newBytes: 0)
        }
        do {
            var newBytes: Int64 = 0
            if !opened.isHeld {
                newBytes = try await send(
                    ObjectKey(.manifest, manifest), reader, remote, session, executor, progress)
            }
            progress.enter(.committing)
            let done = try await remote.commit(session: session)
            return Result(snapshot: done.snapshot, isNew: done.isNew, replaced: done.replaced, newBytes: newBytes)
        } catch let error as StoreError where !Self.goesOnLater.contains(error.code) {
            // It cannot be gone on with. Best effort: the server ends it by itself in an hour.
            try? await remote.endPush(session: session)
            throw error
        }
    }

    private func send(
        _ root: ObjectKey, _ reader: ObjectReader, _ remote: RemoteStore, _ session: String,
        _ executor: BlockingExecutor, _ progress: Progress
    ) async throws -> Int64 {
        progress.enter(.writing)
        var transfer = TreeTransfer(root: root)
        var sender = BundleSender(remote: remote, session: session)
        var newBytes: Int64 = 0
        /// Sends some objects. Returns what the nodes among them name.
        func send(_ keys: [ObjectKey]) async throws -> [ObjectKey: [ObjectKey]] {
            var children: [ObjectKey: [ObjectKey]] = [:]
            let groups = try await executor.run { try reader.shares(of: keys).grouped(objects: Self.batch) }
            for group in groups {
                try progress.check()
                let packed = try await executor.run { try BundledObjects(group, reader, wantsChildren: true) }
                children.merge(packed.children) { first, _ in first }
                newBytes += packed.rawBytes
                progress.add(
                    entries: UInt64(group.reduce(0) { $0 + $1.keys.count }), bytes: UInt64(clamping: packed.rawBytes))
                try await sender.add(packed.bytes, flushAt: Self.bundleBytes)
            }
            return children
        }
        // Many at once, so that most of their frames go as they are.
        var chunks: [ObjectKey] = []
        while !transfer.isDone {
            try progress.check()
            let list = KeyList(transfer.next())
            let bits = try await remote.missing(list, session: session)
            let missing = Set(zip(list.keys, bits.flags).filter(\.1).map(\.0))
            chunks += transfer.answer { missing.contains($0) }.filter { $0.kind == .chunk }
            let children = try await send(transfer.nodes)
            transfer.expand(transfer.nodes.map { children[$0] ?? [] })
            guard chunks.count >= KeyList.bundleCountMax || transfer.isDone else { continue }
            _ = try await send(chunks)
            chunks = []
        }
        try await sender.finish()
        return newBytes
    }
}

/// Sends bundles: while one is on its way the next one is made.
private struct BundleSender {
    let remote: RemoteStore
    let session: String
    private var ready: [UInt8] = []
    private var number = 0
    private var underWay: Task<Void, any Error>?

    init(remote: RemoteStore, session: String) {
        self.remote = remote
        self.session = session
    }

    mutating func add(_ bytes: [UInt8], flushAt limit: Int) async throws {
        ready += bytes
        if ready.count >= limit { try await flush() }
    }

    mutating func finish() async throws {
        if !ready.isEmpty { try await flush() }
        try await underWay?.value
    }

    private mutating func flush() async throws {
        try await underWay?.value
        let bundle = ready
        ready = []
        number += 1
        underWay = Task { [remote, session, number] in
            _ = try await remote.putBundle(bundle, number: number, session: session)
        }
    }
}
