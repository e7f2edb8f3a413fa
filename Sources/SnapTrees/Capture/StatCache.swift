import SnapIO
import SnapModel

/// What earlier walks of the same root found, so that unchanged files need not be read again.
///
/// A flat file sorted as the walk goes, read and written once from front to back beside it: two sequential streams in
/// place of a look-up for each file. A file is *unchanged* if inode, size, mode, mtime and ctime are those noted. That is
/// true only for what was left alone for some time before it was noted (`isSettled`): two writes within one tick of the
/// file system's clock leave equal times. Only settled files are noted, so all that is found can be believed.
struct StatCache {
    struct Found {
        var content: Content
        var chunks: UInt64
        /// Whether the file has extended attributes, of any kind.
        var hasAttributes: Bool
    }

    /// Whether the snapshot that the notes were made for is there, and so all that they name.
    let isHeld: Bool

    /// Longer paths are not noted: they cost more than they save, and the reader's buffers stay bounded.
    static let pathBytesMax = 4096

    private var reader: StatCacheReader?
    /// nil once it failed: a cache is never worth an error.
    private var writer: StatCacheWriter?
    /// Files whose status changed at or after this time are not noted.
    private let settledBefore: Timestamp

    /// - Parameters:
    ///   - old: the cache of an earlier walk; nil to read every file.
    ///   - isHeld: whether its snapshot is there.
    ///   - walkStart: time by the clock that stamps the files, before the walk and its syncfs. The file systems that are
    ///     trusted are of this machine and stamp by its CLOCK_REALTIME, at most a tick behind, so that clock is read; a
    ///     file made to learn the time would need the right to write into what is captured.
    init(old: StatCacheReader?, isHeld: Bool, new: StatCacheWriter, walkStart: Timestamp) {
        reader = old
        self.isHeld = isHeld
        writer = new
        settledBefore = Timestamp(
            seconds: walkStart.seconds - CaptureLimits.settledSeconds, nanoseconds: walkStart.nanoseconds)
    }

    /// Whether an earlier walk is known.
    var hasOld: Bool { reader != nil }

    /// The content noted for `path` if the file is unchanged. Ask in the order of the walk.
    mutating func content(of path: [UInt8], _ status: NodeStatus) -> Found? {
        guard let note = reader?.note(for: path), note.matches(status) else { return nil }
        return Found(content: note.content, chunks: note.chunks, hasAttributes: note.hasAttributes)
    }

    /// Notes the content of a file unless it may still change without a trace.
    mutating func add(_ path: [UInt8], _ status: NodeStatus, _ found: Found) {
        guard status.changed < settledBefore, path.count <= StatCache.pathBytesMax else { return }
        do {
            try writer?.append(StatNote(path: path, status: status, found))
        } catch {
            writer = nil
        }
    }

    /// Ends the walk; nil if nothing could be written.
    mutating func finish() -> StatCacheUpdate? { try? writer?.finish() }
}

/// What the cache says of one file.
struct StatNote {
    var path: [UInt8]
    var inode: UInt64
    var size: UInt64
    var mode: UInt16
    var modified: Timestamp
    var changed: Timestamp
    var content: Content
    var chunks: UInt64
    var hasAttributes: Bool

    init(path: [UInt8], status: NodeStatus, _ found: StatCache.Found) {
        self.path = path
        inode = status.inode
        size = status.size
        mode = status.mode
        modified = status.modified
        changed = status.changed
        content = found.content
        chunks = found.chunks
        hasAttributes = found.hasAttributes
    }

    func matches(_ status: NodeStatus) -> Bool {
        inode == status.inode && size == status.size && mode == status.mode && modified == status.modified
            && changed == status.changed && content.length == status.size
    }
}
