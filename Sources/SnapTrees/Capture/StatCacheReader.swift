import SnapDigest
import SnapIO
import SnapModel

/// Reads a stat cache from front to back.
struct StatCacheReader {
    private let file: Descriptor
    private let hasher: SHA256
    /// Of the snapshot that the notes were made for.
    let manifest: Digest
    private var offset = UInt64(StatCacheFile.headBytes)
    private var block: ByteReader?
    private var lastPath: [UInt8] = []
    private var current: StatNote?

    /// nil if there is none that can be used.
    init?(path: String) {
        guard let file = try? Kernel.open(path, [.readOnly, .noFollow]), let hasher = try? SHA256() else { return nil }
        self.file = file
        self.hasher = hasher
        guard let head = StatCacheReader.read(file, at: 0, StatCacheFile.headBytes),
            head.starts(with: StatCacheFile.magic),
            let manifest = Digest(bytes: head[StatCacheFile.magic.count...].prefix(Digest.byteCount)),
            hasher.digest(manifest.bytes).bytes.prefix(StatCacheFile.checkBytes)
                == head.suffix(StatCacheFile.checkBytes)
        else { return nil }
        self.manifest = manifest
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
        guard let head = StatCacheReader.read(file, at: offset, 4 + StatCacheFile.checkBytes) else { return nil }
        let count = head.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard count > 0, count <= StatCacheFile.blockBytesMax,
            let bytes = StatCacheReader.read(file, at: offset + UInt64(head.count), count),
            hasher.digest(bytes).bytes.prefix(StatCacheFile.checkBytes) == head.suffix(StatCacheFile.checkBytes)
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

extension StatNote {
    fileprivate init(from reader: inout ByteReader, after last: [UInt8]) throws {
        let shared = Int(clamping: try reader.varint())
        let rest = try reader.lengthAndBytes(in: 0...StatCache.pathBytesMax, "path")
        path = last.prefix(shared) + rest
        inode = try reader.varint()
        size = try reader.varint()
        changed = Timestamp(
            seconds: try reader.zigzag(), nanoseconds: UInt32(truncatingIfNeeded: try reader.varint()))
        chunks = try reader.varint()
        hasAttributes = try reader.varint() != 0
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
