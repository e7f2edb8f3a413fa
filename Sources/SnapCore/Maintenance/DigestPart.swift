internal import SnapDigest

/// One of `count` even parts of all digests, in their order.
struct DigestPart {
    private let number: UInt64
    private let count: UInt64

    /// All parts, each of about `size` of `total` digests.
    static func parts(of total: Int64, size: Int64) -> [DigestPart] {
        let count = UInt64(clamping: min(max(1, total / size + (total % size > 0 ? 1 : 0)), 1 << 16))
        return (0..<count).map { DigestPart(number: $0, count: count) }
    }

    func contains(_ digest: Digest) -> Bool {
        ((digest.head >> 32) * count) >> 32 == number
    }

    /// The last digest before the part; nil when it begins with the first of all.
    var predecessor: Digest? {
        guard number > 0 else { return nil }
        // The least head of 32 bits for which `contains` holds, less one.
        let head = ((number << 32) + count - 1) / count - 1
        let bytes = (0..<4).reversed().map { UInt8(truncatingIfNeeded: head >> (8 * $0)) }
        return Digest(bytes: bytes + [UInt8](repeating: 0xff, count: Digest.byteCount - 4))
    }
}
