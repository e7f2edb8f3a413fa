import SnapIO

/// Goes the way of a walk, as far as it leads to files that must be read. It is handed to one thread.
struct Scout: @unchecked Sendable {
    private struct Level {
        var names: IndexingIterator<DirectoryNames>
        let pathBytes: Int
    }

    private var source: FileSystemSource
    private let bounds: WalkBounds
    private var cache: StatCacheReader?
    private var path: [UInt8] = []
    /// Where the walk was when the scout began: what comes before is passed over.
    private let position: [UInt8]

    /// - Parameters:
    ///   - source: At its root.
    ///   - cache: What the walk's own cache knows, read once more.
    init(_ source: FileSystemSource, _ bounds: WalkBounds, cache: StatCacheReader?, from position: [UInt8]) {
        self.source = source
        self.bounds = bounds
        self.cache = cache
        self.position = position
    }

    /// Calls `meet` with each file to be read, until it returns false.
    mutating func run(_ meet: ([UInt8], NodeStatus, FileSystemSource) throws -> Bool) throws {
        let canTrustTimes = source.fileSystem == .changesShowInTimes
        let device = try source.status().device
        var levels = [Level(names: try source.names(), pathBytes: 0)]
        while !levels.isEmpty {
            path.removeSubrange(levels[levels.count - 1].pathBytes...)
            guard let name = levels[levels.count - 1].names.next() else {
                levels.removeLast()
                if !levels.isEmpty { try source.leave() }
                continue
            }
            if !path.isEmpty { path.append(UInt8(ascii: "/")) }
            path += name
            let leadsToPosition = position.starts(with: path)
            if path.walkPrecedes(position), !leadsToPosition { continue }
            guard let status = try? source.status(of: name), status.device == device else { continue }
            let isDirectory = status.kind == .directory
            if !bounds.exclude.isEmpty, bounds.exclude.excludes(path, isDirectory: isDirectory) { continue }
            if isDirectory {
                if let store = bounds.store, store.isSameNode(as: status) { continue }
                guard (try? source.enter(name)) != nil else { continue }
                guard let names = try? source.names() else {
                    try source.leave()
                    continue
                }
                levels.append(Level(names: names, pathBytes: path.count))
                continue
            }
            guard Self.isReadAhead(status) else { continue }
            if canTrustTimes, let note = cache?.note(for: path), note.matches(status) { continue }
            guard try meet(name, status, source) else { return }
        }
    }

    /// Whether a file is worth it. One that would keep a thread for long is read by several when the walk comes to it; of
    /// one with several names the walk knows more.
    static func isReadAhead(_ status: NodeStatus) -> Bool {
        status.kind == .file && status.size > 0 && status.links == 1 && status.size < ReadAhead.fileBytesMax
    }
}
