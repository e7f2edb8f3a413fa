internal import SnapModel

/// A stretch of a sparse file that has bytes in the archive. What lies between is zeros.
package struct TarExtent: Hashable, Sendable {
    package var offset: UInt64
    package var size: UInt64

    package init(offset: UInt64, size: UInt64) {
        self.offset = offset
        self.size = size
    }
}

/// The maps of sparse files as GNU tar writes them: in header blocks (old), in pax records (0.0 and 0.1), and before
/// the file's bytes (1.0). See "Storing Sparse Files" in its manual.
package enum TarSparse {
    /// Stretches of one file, 16 bytes of memory each.
    package static let extentsMax = 1 << 22

    /// The file that a map describes.
    ///
    /// - Throws: ``FormatError`` when the stretches overlap, leave the file, or are not as long as what is there.
    static func check(_ extents: [TarExtent], fileBytes: UInt64, dataBytes: UInt64) throws(FormatError) {
        var end: UInt64 = 0
        var sum: UInt64 = 0
        for extent in extents {
            let (next, overflow) = extent.offset.addingReportingOverflow(extent.size)
            guard !overflow, extent.offset >= end, next <= fileBytes else {
                throw FormatError(
                    .range,
                    """
                    The map of a sparse file has \(extent.size) bytes at \(extent.offset), where they cannot be: the \
                    file has \(fileBytes).
                    """)
            }
            end = next
            // No overflow: none overlaps another.
            sum += extent.size
        }
        guard sum == dataBytes else {
            throw FormatError(
                .range, "The map of a sparse file has \(sum) bytes of data, but the archive has \(dataBytes).")
        }
    }

    /// The offset and size pairs of `GNU.sparse.map`.
    static func parse(map: [UInt8]) throws(FormatError) -> [TarExtent] {
        var extents: [TarExtent] = []
        var offset: UInt64?
        for part in map.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) where !map.isEmpty {
            guard let number = TarNumber.decimal(part) else { throw noNumber(Array(part)) }
            if let start = offset {
                extents.append(TarExtent(offset: start, size: number))
                offset = nil
            } else {
                offset = number
            }
        }
        guard offset == nil else { throw FormatError(.truncated, "The map of a sparse file ends within a pair.") }
        return extents
    }

    static func noNumber(_ text: [UInt8]) -> FormatError {
        FormatError(.range, "The map of a sparse file has \(shown(text)), which is no number.")
    }

    // MARK: In header blocks

    private static let headerPlace = 386
    private static let headerItems = 4
    private static let headerMore = 482
    private static let headerFileBytes = 483..<495
    private static let blockItems = 21
    private static let blockMore = 504

    struct Block {
        var extents: [TarExtent]
        /// Whether another block of the map follows.
        var hasMore: Bool
    }

    /// The part of a map that is in a header of type `S`.
    static func parse(header: [UInt8]) throws(FormatError) -> Block {
        Block(
            extents: try parse(header, from: headerPlace, count: headerItems), hasMore: header[headerMore] != 0)
    }

    static func fileBytes(header: [UInt8]) throws(FormatError) -> UInt64 {
        let value = try TarNumber.parse(header[headerFileBytes], "size")
        guard let value = UInt64(exactly: value) else { throw FormatError(.range, "A header has the size \(value).") }
        return value
    }

    /// A block that goes on with the map of the header before it.
    static func parse(block: [UInt8]) throws(FormatError) -> Block {
        Block(extents: try parse(block, from: 0, count: blockItems), hasMore: block[blockMore] != 0)
    }

    private static func parse(_ block: [UInt8], from start: Int, count: Int) throws(FormatError) -> [TarExtent] {
        var extents: [TarExtent] = []
        for place in stride(from: start, to: start + count * 24, by: 24) {
            // An empty place ends the map.
            guard block[place + 12] != 0 else { break }
            let offset = try TarNumber.parse(block[place..<(place + 12)], "sparse offset")
            let size = try TarNumber.parse(block[(place + 12)..<(place + 24)], "sparse size")
            guard let offset = UInt64(exactly: offset), let size = UInt64(exactly: size) else {
                throw FormatError(.range, "The map of a sparse file has a negative number.")
            }
            extents.append(TarExtent(offset: offset, size: size))
        }
        return extents
    }

    // MARK: Before the file's bytes

    /// Reads a map of version 1.0 from the blocks before a file's bytes: a count, then an offset and a size each, a
    /// line a number.
    struct MapReader {
        private var digits: [UInt8] = []
        private var count: UInt64?
        private var offset: UInt64?
        private(set) var extents: [TarExtent] = []

        /// All of the map has come; the rest of the block is filling.
        var isDone: Bool { count.map { UInt64(extents.count) == $0 } ?? false }

        mutating func append(_ block: [UInt8]) throws(FormatError) {
            for byte in block {
                guard !isDone else { return }
                guard byte == UInt8(ascii: "\n") else {
                    digits.append(byte)
                    guard digits.count <= 20 else { throw noNumber(digits) }
                    continue
                }
                guard let number = TarNumber.decimal(digits) else { throw noNumber(digits) }
                digits = []
                try take(number)
            }
        }

        private mutating func take(_ number: UInt64) throws(FormatError) {
            if count == nil {
                guard number <= UInt64(extentsMax) else {
                    throw FormatError(
                        .limit, "The map of a sparse file has \(number) parts; \(extentsMax) can be read.")
                }
                count = number
            } else if let start = offset {
                extents.append(TarExtent(offset: start, size: number))
                offset = nil
            } else {
                offset = number
            }
        }
    }

    /// One line of a map of version 1.0.
    static func line(_ number: UInt64) -> [UInt8] { Array("\(number)\n".utf8) }
}
