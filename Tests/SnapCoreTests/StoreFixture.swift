import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

extension JobLimits {
    /// Several steps for a handful of objects, as of large snapshots.
    static var small: JobLimits {
        var limits = JobLimits()
        limits.oneWalk = 0
        limits.plannedChunks = 5
        limits.rows = 72...72
        return limits
    }
}

/// Makes small snapshots without a file system: a manifest, a root, a directory of files with these contents.
struct StoreFixture {
    let store: Store
    static let org = "local"
    /// Who commits, and reads.
    var org = Self.org

    /// Puts a directory and commits it.
    @discardableResult
    func commit(
        _ name: String, tag: String = "latest", files: [String: [UInt8]], ifMatch: SnapshotDraft.Match? = nil,
        force: Bool = false
    ) throws -> CommitResult {
        let session = try store.beginSession(.create, org: org)
        defer { session.end() }
        let manifest = try put(files, session)
        var draft = SnapshotDraft(name: name, tag: tag, manifest: manifest, kind: "directory")
        draft.ifMatch = ifMatch
        draft.force = force
        draft.fileCount = Int64(files.count)
        draft.logicalBytes = files.values.reduce(0) { $0 + Int64($1.count) }
        return try session.commit(draft)
    }

    /// - Parameter missing: A chunk that a last file names, and that nobody has put.
    func put(_ files: [String: [UInt8]], _ session: Session, without missing: [UInt8]? = nil) throws -> Digest {
        var builder = TreeBuilder { kind, bytes in try session.store(kind, bytes) }
        for (name, bytes) in files.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            try builder.append(
                Entry(name: Array(name.utf8), metadata: Self.metadata, node: .file(try content(bytes, session))))
        }
        if let missing {
            let digest = try SHA256().digest(missing)
            let content = Content(
                cut: .contentDefined, length: 100, body: .segments([.data(digest, size: 100)]))
            try builder.append(Entry(name: Array("~".utf8), metadata: Self.metadata, node: .file(content)))
        }
        let root = Entry(name: [], metadata: Self.metadata, node: .directory(try builder.finish()))
        let rootDigest = try session.store(.tree, try RootNode.encode(root))
        return try session.store(.manifest, try Manifest(kind: .directory, root: rootDigest).encode())
    }

    private func content(_ bytes: [UInt8], _ session: Session) throws -> Content {
        guard bytes.count > 64 else {
            return Content(cut: .contentDefined, length: UInt64(bytes.count), body: .inline(bytes))
        }
        var list = ListBuilder(cut: .contentDefined) { kind, bytes in try session.store(kind, bytes) }
        for start in stride(from: 0, to: bytes.count, by: 4096) {
            let piece = Array(bytes[start..<min(start + 4096, bytes.count)])
            try list.append(.data(try session.store(.chunk, piece), size: UInt32(piece.count)))
        }
        return try list.finish()
    }

    static let metadata = Metadata(
        mode: 0o644, uid: 0, gid: 0, modified: Timestamp(seconds: 1_700_000_000, nanoseconds: 5))

    /// Names of all snapshots, with their tags.
    func names() throws -> Set<String> {
        Set(try store.snapshots(org: org).map { "\($0.name):\($0.tags.map(\.tag).joined(separator: ","))" })
    }

    /// Collects at once.
    @discardableResult
    func collect(compact: CompactionRule? = nil) throws -> GCResult {
        var options = GCOptions()
        options.compact = compact
        options.graceMilliseconds = 0
        return try store.collectGarbage(options)
    }

    /// Everything that a full check finds wrong.
    func problems() throws -> [FsckProblem] {
        var options = FsckOptions()
        options.readData = true
        return try store.check(options).problems
    }

    /// What there is, one line a snapshot: its name, tags, content and what is noted of it.
    func states() throws -> [String] {
        try store.snapshots(org: Self.org).map { record in
            let notes = (record.isProtected ? " protected" : "") + (record.expiresMilliseconds == nil ? "" : " expires")
            return
                "\(record.name):\(record.tags.map(\.tag).joined(separator: ",")) \(record.manifest.description.suffix(12))\(notes)"
        }.sorted()
    }

    /// Opens what a fault or a power cut has left. Returns what is lost or wrong: it has to be sound, with the snapshots of
    /// one of these states, and nothing for a full check to find.
    ///
    /// - Parameters:
    ///   - expected: What was acknowledged, and what the step under way led to. No store is right where nothing was.
    ///   - then: What else is wrong.
    static func losses(
        _ path: String, expected: [[String]], then: (StoreFixture) throws -> [String] = { _ in [] }
    ) -> [String] {
        guard Kernel.exists(path + "/FORMAT") else {
            return expected.first?.isEmpty == true ? [] : ["the store is gone"]
        }
        do {
            let store = try Store.open(path: path, create: false)
            defer { store.close() }
            let fixture = StoreFixture(store: store)
            try store.settle(org: org)
            let found = try fixture.states()
            guard expected.contains(found) else { return ["there is \(found), not one of \(expected)"] }
            let problems = try fixture.problems()
            guard problems.isEmpty else { return ["\(problems)"] }
            return try then(fixture)
        } catch {
            return ["\(error)"]
        }
    }

    /// What is wrong once a store is used again: all its files read, a snapshot committed and another let go, and collected.
    func lossesInUse() throws -> [String] {
        let before = try states()
        for record in try store.snapshots(org: Self.org) { _ = try files(of: record) }
        try commit("again", tag: "1", files: ["x": [1, 2, 3]])
        try commit("again", tag: "2", files: ["y": [4, 5, 6]])
        _ = try store.deleteTag(org: Self.org, name: "again", tag: "2")
        let due = try store.snapshots(org: Self.org).filter { $0.expiresMilliseconds != nil && !$0.isProtected }.count
        try collect()
        let after = try states()
        guard after.count == before.count - due + 1 else { return ["after more use there is \(after), not \(before)"] }
        let problems = try problems()
        return problems.isEmpty ? [] : ["after more use: \(problems)"]
    }
}
