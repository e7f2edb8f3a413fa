public import SnapDigest

/// How the bytes of a file are cut into chunks.
public enum Cut: UInt8, Sendable {
    /// By content (FastCDC): an insertion moves no later cut.
    case contentDefined = 0
    /// Pages of 64 KiB: for memory images, where nothing is ever inserted.
    case pages = 1
}

/// A stretch of a file: a stored chunk, or zeros that are stored nowhere. Sizes are bytes.
public enum Segment: Hashable, Sendable {
    case data(Digest, size: UInt32)
    case zeros(size: UInt64)

    package var size: UInt64 {
        switch self {
        case .data(_, let size): UInt64(size)
        case .zeros(let size): size
        }
    }
}

/// The bytes of one file, by reference or, up to 64 bytes, by value.
public struct Content: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        /// The bytes themselves, at most 64.
        case inline([UInt8])
        /// 1 … 16 segments in order.
        case segments([Segment])
        /// The top node of a chunk list of more than 16 segments.
        case list(Digest)
    }

    public let cut: Cut
    /// Length of the file in bytes.
    public let length: UInt64
    public let body: Body

    package init(cut: Cut, length: UInt64, body: Body) {
        self.cut = cut
        self.length = length
        self.body = body
    }

    package static let empty = Content(cut: .contentDefined, length: 0, body: .inline([]))
}
