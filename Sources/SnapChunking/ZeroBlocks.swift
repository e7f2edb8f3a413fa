internal import Glibc

/// Blocks of 4,096 bytes that hold only zeros.
package enum ZeroBlocks {
    package static let blockBytes = 4096
    /// A shorter run of zero blocks is data.
    package static let runBytesMin: UInt64 = 64 << 10

    /// Whether all bytes are zero. Most blocks are told by their first bytes.
    package static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        guard bytes.count >= 16 else { return bytes.allSatisfy { $0 == 0 } }
        let first = bytes.loadUnaligned(as: UInt64.self) | bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        // Then every byte equals the one 16 before it, which the C library compares as fast as memory goes.
        return first == 0 && memcmp(base, base + 16, bytes.count - 16) == 0
    }
}
