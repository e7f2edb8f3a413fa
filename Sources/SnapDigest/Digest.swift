/// A SHA-256 digest: the name of every object.
///
/// Ordered as its bytes are. Comparing, hashing and copying cost four word operations.
@frozen
public struct Digest: Hashable, Comparable, Sendable {
    // The 32 bytes as four big-endian words: the order of the words is the order of the bytes.
    @usableFromInline let word0: UInt64
    @usableFromInline let word1: UInt64
    @usableFromInline let word2: UInt64
    @usableFromInline let word3: UInt64

    /// Length of a digest in bytes.
    public static let byteCount = 32

    @inlinable
    init(word0: UInt64, word1: UInt64, word2: UInt64, word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// The digest with these 32 bytes; nil for any other number of bytes.
    @inlinable
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Digest.byteCount else { return nil }
        self.init(
            word0: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
            word1: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            word2: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
            word3: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)))
    }

    /// The digest with these 32 bytes; nil for any other number of bytes.
    @inlinable
    public init?(bytes: some Collection<UInt8>) {
        let copied = bytes.withContiguousStorageIfAvailable { Digest(bytes: UnsafeRawBufferPointer($0)) }
        guard let digest = copied ?? Array(bytes).withUnsafeBytes({ Digest(bytes: $0) }) else { return nil }
        self = digest
    }

    /// The last eight bytes as a big-endian integer: what the splits of trees and chunk lists look at.
    @inlinable
    public var tail: UInt64 { word3 }

    /// The first eight bytes as a big-endian integer: what orders digests.
    @inlinable
    public var head: UInt64 { word0 }

    /// The last digest before this one; nil for the first of all.
    package var predecessor: Digest? {
        var words = [word0, word1, word2, word3]
        for place in words.indices.reversed() {
            let (less, borrows) = words[place].subtractingReportingOverflow(1)
            words[place] = less
            if !borrows { return Digest(word0: words[0], word1: words[1], word2: words[2], word3: words[3]) }
        }
        return nil
    }

    /// The first eight bytes in memory order: spread evenly, so enough of a hash.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        hasher.combine(word0)
    }

    @inlinable
    public static func < (left: Digest, right: Digest) -> Bool {
        if left.word0 != right.word0 { return left.word0 < right.word0 }
        if left.word1 != right.word1 { return left.word1 < right.word1 }
        if left.word2 != right.word2 { return left.word2 < right.word2 }
        return left.word3 < right.word3
    }

    /// Calls `body` with the 32 bytes.
    @inlinable
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let words = (word0.bigEndian, word1.bigEndian, word2.bigEndian, word3.bigEndian)
        return try withUnsafeBytes(of: words, body)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { withBytes { Array($0) } }
}
