import SnapChunking
import SnapDigest
import SnapModel

/// One name of an inode with several, as the sorter orders it: by inode, version of the entry, path.
struct LinkRecord {
    private static let headBytes = 8 + 8 + Digest.byteCount

    /// Device, inode and digest of the entry.
    private let head: ArraySlice<UInt8>
    let path: [UInt8]
    /// Names that the inode has in all.
    let links: UInt64

    static func encode(
        _ device: UInt64, _ inode: UInt64, _ version: Digest, _ path: [UInt8], _ links: UInt64
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headBytes + path.count + 9)
        withUnsafeBytes(of: device.bigEndian) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: inode.bigEndian) { bytes.append(contentsOf: $0) }
        version.withBytes { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: path)
        // Less than any byte of a path, so that a path comes before those it begins.
        bytes.append(0)
        withUnsafeBytes(of: links.bigEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    init?(_ record: [UInt8]) {
        guard record.count >= LinkRecord.headBytes + 9 else { return nil }
        head = record[..<LinkRecord.headBytes]
        path = Array(record[LinkRecord.headBytes..<(record.count - 9)])
        links = record.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Digest of the entry.
    var version: ArraySlice<UInt8> { head.dropFirst(16) }

    func isSameInode(as other: LinkRecord) -> Bool { head.prefix(16) == other.head.prefix(16) }
    func isSameVersion(as other: LinkRecord) -> Bool { head == other.head }
}

/// One name of a group, as the second sorter orders it: by the group's first path, then path.
struct GroupRecord {
    let first: ArraySlice<UInt8>
    /// Names in the group.
    let count: UInt64
    let path: [UInt8]

    static func encode(_ first: [UInt8], _ count: UInt64, _ path: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(first.count + 9 + path.count)
        bytes.append(contentsOf: first)
        bytes.append(0)
        withUnsafeBytes(of: count.bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: path)
        return bytes
    }

    init?(_ record: [UInt8]) {
        guard let end = record.firstIndex(of: 0), record.count > end + 9 else { return nil }
        first = record[..<end]
        count = record[(end + 1)..<(end + 9)].reduce(0) { $0 << 8 | UInt64($1) }
        path = Array(record[(end + 9)...])
    }
}

/// The groups of a walk in the order of the link table.
struct LinkGroups {
    private let sorter: RecordSorter

    init(_ sorter: RecordSorter) {
        self.sorter = sorter
    }

    var isEmpty: Bool { sorter.isEmpty }
    func cursor() throws -> RecordSorter.Cursor { try sorter.cursor() }
}

/// The link table as a stream (`docs/format.md`, section 6), a group's path at a time.
struct LinkStream {
    private var cursor: RecordSorter.Cursor
    private var last: ArraySlice<UInt8> = []
    private var pending: [UInt8] = []
    private var position = 0

    init(_ groups: LinkGroups) throws {
        cursor = try groups.cursor()
    }

    /// Fills a cutter's buffer.
    mutating func next(into buffer: UnsafeMutableRawBufferPointer) throws -> CutInput {
        if position == pending.count, try !load() { return .end }
        let count = min(buffer.count, pending.count - position)
        buffer.copyBytes(from: pending[position..<(position + count)])
        position += count
        return .bytes(count)
    }

    /// Encodes the next names; false at the end.
    private mutating func load() throws -> Bool {
        var writer = ByteWriter()
        while writer.bytes.count < 64 << 10, let record = try cursor.next().flatMap(GroupRecord.init) {
            if record.first != last {
                writer.varint(record.count)
                last = record.first
            }
            writer.lengthAndBytes(record.path)
        }
        pending = writer.bytes
        position = 0
        return !pending.isEmpty
    }
}
