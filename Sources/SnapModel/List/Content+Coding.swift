internal import SnapDigest

// docs/format.md section 3.

extension Segment {
    /// Whether the format can hold it: 1 byte … 1 MiB of data, 1 byte … 2^60 of zeros.
    var isValid: Bool {
        switch self {
        case .data(_, let size): (1...UInt32(Limits.chunkBytesMax)).contains(size)
        case .zeros(let size): (1...Limits.fileBytesMax).contains(size)
        }
    }

    package func encode(to writer: inout ByteWriter) {
        switch self {
        case .data(let digest, let size):
            writer.varint(UInt64(size) << 1)
            writer.digest(digest)
        case .zeros(let size):
            writer.varint(size << 1 | 1)
        }
    }

    package static func decode(from reader: inout ByteReader) throws(FormatError) -> Segment {
        let header = try reader.varint()
        let size = header >> 1
        guard size >= 1 else { throw reader.error(.range, "has a segment of no bytes") }
        if header & 1 == 1 {
            guard size <= Limits.fileBytesMax else { throw reader.error(.limit, "has a hole of \(size) bytes") }
            return .zeros(size: size)
        }
        guard let small = UInt32(exactly: size), size <= UInt64(Limits.chunkBytesMax) else {
            throw reader.error(.limit, "has a chunk of \(size) bytes")
        }
        return .data(try reader.digest(), size: small)
    }
}

extension Content {
    /// What ``decode(from:)`` refuses must not be written.
    func check() throws(FormatError) {
        let isLong = length > UInt64(Limits.inlineBytesMax) && length <= Limits.fileBytesMax
        switch body {
        case .inline(let bytes):
            guard bytes.count <= Limits.inlineBytesMax, UInt64(bytes.count) == length, cut == .contentDefined else {
                throw FormatError(.limit, "A content of \(bytes.count) bytes cannot stand by value.")
            }
        case .segments(let segments):
            guard isLong, (1...Limits.directSegmentsMax).contains(segments.count),
                segments.allSatisfy({ $0.isValid }), segments.reduce(0, { $0 + $1.size }) == length
            else { throw FormatError(.limit, "A content of \(length) bytes has \(segments.count) segments.") }
        case .list:
            guard isLong else { throw FormatError(.limit, "A content of \(length) bytes cannot have a chunk list.") }
        }
    }

    package func encode(to writer: inout ByteWriter) {
        writer.byte(cut.rawValue)
        writer.varint(length)
        switch body {
        case .inline(let bytes):
            writer.raw(bytes)
        case .segments(let segments):
            writer.byte(0)
            writer.varint(UInt64(segments.count))
            for segment in segments { segment.encode(to: &writer) }
        case .list(let root):
            writer.byte(1)
            writer.digest(root)
        }
    }

    package static func decode(from reader: inout ByteReader) throws(FormatError) -> Content {
        guard let cut = Cut(rawValue: try reader.byte()) else {
            throw reader.error(.unknown, "has content cut in an unknown way")
        }
        let length = try reader.varint(max: Limits.fileBytesMax, "content of length")
        if length <= UInt64(Limits.inlineBytesMax) {
            guard cut == .contentDefined else { throw reader.error(.notCanonical, "has short content cut in pages") }
            return Content(cut: cut, length: length, body: .inline(try reader.raw(Int(length))))
        }
        switch try reader.byte() {
        case 0:
            return Content(cut: cut, length: length, body: .segments(try direct(length, &reader)))
        case 1:
            return Content(cut: cut, length: length, body: .list(try reader.digest()))
        default:
            throw reader.error(.unknown, "has content of an unknown form")
        }
    }

    private static func direct(_ length: UInt64, _ reader: inout ByteReader) throws(FormatError) -> [Segment] {
        let count = try reader.count(max: Limits.directSegmentsMax, bytesEach: 1, "segments")
        guard count >= 1 else { throw reader.error(.range, "has content of no segments") }
        var segments: [Segment] = []
        var sum: UInt64 = 0
        for _ in 0..<count {
            let segment = try Segment.decode(from: &reader)
            // Each is at most 2^60, and there are at most 16: no overflow.
            sum += segment.size
            segments.append(segment)
        }
        guard sum == length else { throw reader.error(.range, "has segments of \(sum) bytes for content of \(length)") }
        return segments
    }
}
