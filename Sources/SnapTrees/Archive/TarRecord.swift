internal import SnapModel

/// Something about one version of a path in an archive, as the sorters order it: by path in the order of a walk, then
/// by when it came.
struct TarRecord {
    /// Path and number of the version: what is compared.
    let place: ArraySlice<UInt8>
    let body: ArraySlice<UInt8>

    /// - Parameters:
    ///   - key: of ``TarPath``.
    ///   - number: Of the member in the archive.
    static func place(_ key: some Collection<UInt8>, _ number: UInt64) -> [UInt8] {
        var bytes = Array(key)
        // No name is empty, so that two zero bytes end the key.
        bytes.append(0)
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        return bytes
    }

    init?(_ record: [UInt8]) {
        guard let end = Self.keyEnd(record), record.count >= end + 9 else { return nil }
        place = record[..<(end + 9)]
        body = record[(end + 9)...]
    }

    /// Where the key ends: at a zero byte after the one of its last name, or at once.
    private static func keyEnd(_ record: [UInt8]) -> Int? {
        if record.first == 0 { return 0 }
        var index = 0
        while index + 1 < record.count {
            if record[index] == 0, record[index + 1] == 0 { return index + 1 }
            index += 1
        }
        return nil
    }

    var key: ArraySlice<UInt8> { place.dropLast(9) }
    var number: UInt64 { place.suffix(8).reduce(0) { $0 << 8 | UInt64($1) } }
    var path: [UInt8] { TarPath.path(key: key) }

    func precedes(_ other: TarRecord) -> Bool { place.lexicographicallyPrecedes(other.place) }
}

extension RecordSorter.Cursor {
    mutating func nextTar() throws -> TarRecord? { try next().flatMap(TarRecord.init) }
}

/// What a member makes of a path.
enum TarDefinition {
    /// An entry, and the chunks that its content refers to.
    case entry(Entry, chunks: UInt64)
    /// Another name of what was at this key before it.
    case link(target: ArraySlice<UInt8>)

    static func encode(_ entry: Entry, chunks: UInt64) throws(FormatError) -> [UInt8] {
        var writer = ByteWriter()
        writer.byte(0)
        writer.varint(chunks)
        writer.raw(try entry.encoded())
        return writer.bytes
    }

    static func encode(target: [UInt8]) -> [UInt8] { [1] + target }

    init(_ body: ArraySlice<UInt8>, isRoot: Bool) throws(FormatError) {
        guard body.first == 0 else {
            self = .link(target: body.dropFirst())
            return
        }
        var reader = ByteReader(Array(body), "record", from: 1)
        let chunks = try reader.varint()
        self = .entry(try Entry.decode(from: &reader, isRoot: isRoot), chunks: chunks)
    }
}
