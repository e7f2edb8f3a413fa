internal import SnapModel

/// Which stretches of a file have bytes in an archive: what its zero segments leave.
///
/// They begin and end at whole blocks, as GNU tar reads them; only the last may end elsewhere. A file that ends in a hole
/// has an empty stretch at its end, from which readers know how long it is.
struct TarExtentCursor {
    private let fileBytes: UInt64
    private var segments: SegmentCursor
    private var offset: UInt64 = 0
    /// Where the data at hand began.
    private var dataStart: UInt64?
    private var hasEnded = false
    /// Whether some zeros need not be written.
    private(set) var hasHoles = false

    init(_ content: Content, load: @escaping ObjectLoader) throws {
        fileBytes = content.length
        segments = try SegmentCursor(content, load: load)
    }

    mutating func next() throws -> TarExtent? {
        while let segment = try segments.next() {
            let start = offset
            offset += segment.size
            guard case .zeros(let size) = segment, let hole = Self.hole(at: start, size, in: fileBytes) else {
                dataStart = dataStart ?? start
                continue
            }
            hasHoles = true
            let data = dataStart ?? start
            dataStart = hole.upperBound < offset ? hole.upperBound : nil
            if hole.lowerBound > data { return TarExtent(offset: data, size: hole.lowerBound - data) }
        }
        if hasEnded { return nil }
        hasEnded = true
        let start = dataStart ?? fileBytes
        return TarExtent(offset: start, size: fileBytes - start)
    }

    /// The whole blocks of a zero segment; the end of the file ends a block too.
    static func hole(at start: UInt64, _ size: UInt64, in fileBytes: UInt64) -> Range<UInt64>? {
        let block = UInt64(TarHeader.blockBytes)
        let end = start + size
        // Files have at most 2^60 bytes: no overflow.
        let first = (start + block - 1) / block * block
        let last = end == fileBytes ? end : end / block * block
        return first < last ? first..<last : nil
    }
}

/// How a file is laid out in an archive.
struct TarLayout {
    /// nil for a file without holes.
    private(set) var sparse: Sparse?

    struct Sparse {
        var extents: UInt64 = 0
        /// Length of the map's lines, apart from the first.
        var lineBytes: UInt64 = 0
        var dataBytes: UInt64 = 0

        private var mapBytes: UInt64 { lineBytes + UInt64(TarSparse.line(extents).count) }
        /// Zeros after the map.
        var mapPadding: Int { TarHeader.padding(after: mapBytes) }
        var archivedBytes: UInt64 { mapBytes + UInt64(mapPadding) + dataBytes }
    }

    /// - Complexity: Reads the chunk list of the file, none of its bytes.
    init(_ content: Content, load: @escaping ObjectLoader) throws {
        if case .inline = content.body { return }
        var cursor = try TarExtentCursor(content, load: load)
        var sum = Sparse()
        while let extent = try cursor.next() {
            sum.extents += 1
            sum.lineBytes += UInt64(TarSparse.line(extent.offset).count + TarSparse.line(extent.size).count)
            sum.dataBytes += extent.size
        }
        if cursor.hasHoles { sparse = sum }
    }
}
