public import SnapCore
internal import SnapDigest
internal import SnapIO
internal import SnapModel
internal import SnapTrees

/// A store of snapshots, for engines.
///
/// Every call runs on a thread of the store's own and suspends the caller; any number may run at once. Errors are
/// ``StoreError``. What a call has returned from is on disk.
public final class SnapshotStore: Sendable {
    let store: Store
    private let executor: BlockingExecutor
    /// The organisation that names without one belong to.
    public let org: String

    private init(store: Store, executor: BlockingExecutor, org: String) {
        self.store = store
        self.executor = executor
        self.org = org
    }

    /// Opens the store in a directory.
    ///
    /// - Parameters:
    ///   - path: The store's directory.
    ///   - create: Make it when it is missing; otherwise that is ``StoreError/Code/notFound``.
    ///   - org: The organisation to act for; it is made with its first snapshot.
    public static func open(path: String, create: Bool = false, org: String = "local") async throws -> SnapshotStore {
        let executor: BlockingExecutor
        do { executor = try BlockingExecutor() } catch { throw StoreError(mapping: error) }
        let store = try await executor.run { try Store.open(path: path, create: create) }
        return SnapshotStore(store: store, executor: executor, org: org)
    }

    private func run<Value: Sendable>(_ body: @escaping @Sendable (Store, String) throws -> Value) async throws -> Value
    {
        try Task.checkCancellation()
        return try await executor.run { [store, org] in try body(store, org) }
    }

    /// Captures a directory as `NAME[:TAG]`.
    ///
    /// - Returns: The snapshot; the one that the tag names already, if its content is the same.
    /// - Throws: ``StoreError/Code/preconditionFailed`` when the tag names other content and is not `latest`.
    /// - Complexity: One status a file, one read of each file that changed since the last capture of the directory.
    public func create(_ name: String, from directory: String) async throws -> SnapshotRecord {
        try await run { store, org in
            let (name, tag) = try SnapshotResolver.parseName(name, org: org)
            return try CreateOperation(capture: CaptureOptions(kind: .directory)).run(
                store, org: org, directory: Array(directory.utf8), name: name, tag: tag, progress: Progress()
            ).snapshot
        }
    }

    /// Writes a snapshot into a new or empty directory.
    ///
    /// - Returns: Bytes of the files written.
    @discardableResult
    public func restore(_ reference: String, into directory: String) async throws -> UInt64 {
        try await run { store, org in
            let snapshot = try SnapshotResolver(store: store, org: org).resolve(reference)
            let session = try store.beginReading(org: org)
            defer { session.end() }
            let reader = session.reader()
            return try Restore(reader: reader).run(manifest: snapshot.manifest, into: directory).bytes
        }
    }

    /// The snapshot that a reference means.
    public func snapshot(_ reference: String) async throws -> SnapshotRecord {
        try await run { store, org in try SnapshotResolver(store: store, org: org).resolve(reference) }
    }

    /// Every snapshot, newest first; of all names, or one.
    public func snapshots(name: String? = nil) async throws -> [SnapshotRecord] {
        try await run { store, org in try store.snapshots(org: org, name: name) }
    }

    /// Removes the snapshot that a reference means, with all its tags.
    public func delete(_ reference: String) async throws {
        try await run { store, org in
            let snapshot = try SnapshotResolver(store: store, org: org).resolve(reference)
            try store.deleteSnapshot(id: snapshot.id, org: org)
        }
    }

    /// The bytes of one file of a snapshot, at most `limit` of them.
    public func read(_ path: String, of reference: String, limit: Int = 64 << 20) async throws -> [UInt8] {
        try await run { store, org in
            let snapshot = try SnapshotResolver(store: store, org: org).resolve(reference)
            let tree = try SnapshotTree(snapshot, reader: store.reader(org: org))
            guard case .file(let content) = try tree.entry(at: Array(path.utf8)).node else {
                throw StoreError(.invalid, "\(path) is no regular file.")
            }
            guard content.length <= UInt64(clamping: limit) else {
                throw StoreError(.invalid, "\(path) has \(content.length) bytes, over the limit of \(limit).")
            }
            var bytes: [UInt8] = []
            try tree.forEachPiece(of: content) { bytes += $0 }
            return bytes
        }
    }
}
