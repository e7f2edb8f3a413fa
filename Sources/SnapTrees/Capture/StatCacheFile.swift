import SnapDigest
import SnapIO
import SnapModel

// The file of the stat cache: not a format that outlives its version, and never worth an error. It begins with the magic
// and goes on in blocks, each `length:u32 check:16 bytes` and entries, where `check` is the head of the block's SHA-256.
// A path is written as the number of bytes it shares with the one before it in the block, and the rest. What cannot be
// read ends the file.

private let magic = Array("SNAPSTAT 1\n".utf8)
private let checkBytes = 16
private let blockBytesMin = 64 << 10
private let blockBytesMax = 256 << 10

/// Reads a stat cache from front to back.
struct StatCacheReader {
    private let file: Descriptor
    private let hasher: SHA256
    private var offset = UInt64(magic.count)
    private var block: ByteReader?
    private var lastPath: [UInt8] = []
    private var current: StatNote?

    /// nil if there is none that can be used.
    init?(path: String) {
        guard let file = try? Kernel.open(path, [.readOnly, .noFollow]), let hasher = try? SHA256() else { return nil }
        self.file = file
        self.hasher = hasher
        guard StatCacheReader.read(file, at: 0, magic.count) == magic else { return nil }
        current = next()
    }

    /// What is noted for `path`; nothing before it can be asked for again.
    mutating func note(for path: [UInt8]) -> StatNote? {
        while let note = current {
            if note.path == path { return note }
            if !note.path.walkPrecedes(path) { return nil }
            current = next()
        }
        return nil
    }

    private mutating func next() -> StatNote? {
        while true {
            if var reader = block, reader.remaining > 0 {
                let note = try? StatNote(from: &reader, after: lastPath)
                block = reader
                lastPath = note?.path ?? []
                return note
            }
            guard let bytes = nextBlock() else { return nil }
            block = ByteReader(bytes, "stat cache")
            lastPath = []
        }
    }

    private mutating func nextBlock() -> [UInt8]? {
        guard let head = StatCacheReader.read(file, at: offset, 4 + checkBytes) else { return nil }
        let count = head.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard count > 0, count <= blockBytesMax,
            let bytes = StatCacheReader.read(file, at: offset + UInt64(head.count), count),
            hasher.digest(bytes).bytes.prefix(checkBytes) == head.suffix(checkBytes)
        else { return nil }
        offset += UInt64(head.count + count)
        return bytes
    }

    private static func read(_ file: Descriptor, at offset: UInt64, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = try? bytes.withUnsafeMutableBytes { try Kernel.read(file, into: $0, at: offset) }
        return got == count ? bytes : nil
    }
}

/// Another walk of the same root is writing its stat cache.
struct StatCacheBusy: Error {}

/// Writes a stat cache from front to back, beside the old one.
final class StatCacheWriter {
    private let path: String
    private let file: Descriptor
    private let hasher: SHA256
    private var offset = UInt64(magic.count)
    private var block = ByteWriter()
    private var lastPath: [UInt8] = []

    /// - Throws: when the file cannot be made, or another walk of the same root is writing it.
    init(path: String) throws {
        self.path = path
        hasher = try SHA256()
        // One name for the new file, so that a killed walk leaves one file at most. Its lock goes with its process.
        file = try Kernel.open(path + ".new", [.readWrite, .create, .noFollow])
        guard try Kernel.tryLock(file) else { throw StatCacheBusy() }
        try Kernel.truncate(file, to: 0)
        try magic.withUnsafeBytes { try Kernel.write(file, $0, at: 0) }
    }

    func append(_ note: StatNote) throws {
        try note.write(to: &block, after: lastPath)
        lastPath = note.path
        if block.bytes.count >= blockBytesMin { try flush() }
    }

    func finish() throws -> StatCacheUpdate {
        try flush()
        return StatCacheUpdate(file: file, path: path)
    }

    private func flush() throws {
        let bytes = block.bytes
        block = ByteWriter()
        lastPath = []
        // A single entry can be larger than a reader takes: it is not noted.
        guard !bytes.isEmpty, bytes.count <= blockBytesMax else { return }
        var head = withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) }
        head.append(contentsOf: hasher.digest(bytes).bytes.prefix(checkBytes))
        for part in [head, bytes] {
            try part.withUnsafeBytes { try Kernel.write(file, $0, at: offset) }
            offset += UInt64(part.count)
        }
    }
}

/// A finished stat cache that waits for its snapshot to be committed. Thrown away unless published.
package final class StatCacheUpdate {
    /// Keeps the lock.
    private let file: Descriptor
    private let path: String
    private var isPublished = false

    init(file: Descriptor, path: String) {
        self.file = file
        self.path = path
    }

    deinit {
        if !isPublished { try? Kernel.removeFile(path + ".new") }
    }

    /// Puts it in the place of the old one. Not synced: one that a crash tears fails its checks and is ignored.
    package func publish() {
        isPublished = (try? Kernel.replaceFile(path, by: path + ".new")) != nil
        removeOld()
    }

    /// Removes what no walk has used for 30 days: caches of roots that are gone.
    private func removeOld() {
        guard let slash = path.lastIndex(of: "/") else { return }
        let directory = String(path[..<slash])
        let oldest = Kernel.wallNanoseconds() / 1_000_000_000 - 30 * 24 * 3600
        for name in (try? Kernel.names(inDirectory: directory)).map(Array.init) ?? [] {
            let other = directory + "/" + String(decoding: name, as: UTF8.self)
            guard let status = try? Kernel.status(path: other), status.modifiedSeconds < oldest else { continue }
            try? Kernel.removeFile(other)
        }
    }
}

extension StatNote {
    fileprivate func write(to writer: inout ByteWriter, after last: [UInt8]) throws {
        let shared = zip(last, path).prefix { $0 == $1 }.count
        writer.varint(UInt64(shared))
        writer.lengthAndBytes(Array(path[shared...]))
        writer.varint(inode)
        writer.varint(size)
        writer.zigzag(changed.seconds)
        writer.varint(UInt64(changed.nanoseconds))
        writer.varint(chunks)
        // The codec of entries has the rest: mode, mtime and content.
        let metadata = Metadata(mode: mode, uid: 0, gid: 0, modified: modified)
        writer.lengthAndBytes(try RootNode.encode(Entry(name: [], metadata: metadata, node: .file(content))))
    }

    fileprivate init(from reader: inout ByteReader, after last: [UInt8]) throws {
        let shared = Int(clamping: try reader.varint())
        let rest = try reader.lengthAndBytes(in: 0...StatCache.pathBytesMax, "path")
        path = last.prefix(shared) + rest
        inode = try reader.varint()
        size = try reader.varint()
        changed = Timestamp(
            seconds: try reader.zigzag(), nanoseconds: UInt32(truncatingIfNeeded: try reader.varint()))
        chunks = try reader.varint()
        let entry = try RootNode.decode(try reader.lengthAndBytes(in: 0...Limits.entryBytesMax, "entry"))
        guard case .file(let content) = entry.node, shared <= last.count else {
            throw FormatError(.unknown, "The stat cache has an entry that is no file.")
        }
        mode = entry.metadata.mode
        modified = entry.metadata.modified
        self.content = content
    }
}

extension Array where Element == UInt8 {
    /// Whether a walk comes to this path before the other: names are compared one after another, so `/` counts less than
    /// any byte of a name.
    func walkPrecedes(_ other: [UInt8]) -> Bool {
        for (left, right) in zip(self, other) where left != right {
            let slash = UInt8(ascii: "/")
            return (left == slash ? 0 : left) < (right == slash ? 0 : right)
        }
        return count < other.count
    }
}
