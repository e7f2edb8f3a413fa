import SnapDigest
import SnapPacks

/// A zstd frame, byte by byte from RFC 8878 section 3.1: every field may be what no compressor would write.
struct ZstdFrame {
    /// What a block says; the bytes it decodes to are `size`.
    enum Block {
        case raw([UInt8])
        /// One byte, `size` times.
        case repeated(UInt8, size: Int)

        func encode(isLast: Bool) -> [UInt8] {
            let (type, size, body): (Int, Int, [UInt8]) =
                switch self {
                case .raw(let bytes): (0, bytes.count, bytes)
                case .repeated(let byte, let size): (1, size, [byte])
                }
            return NaivePack.fixed(UInt64(size << 3 | type << 1 | (isLast ? 1 : 0)), bytes: 3) + body
        }
    }

    var magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]
    /// nil: a single segment, whose window is its content.
    var window: UInt8?
    var dictionary: [UInt8] = []
    /// nil: not said.
    var contentSize: UInt64?
    var reservedBit = false
    var blocks: [Block]
    /// After the last block.
    var tail: [UInt8] = []

    /// A frame of `count` times the byte 7 in blocks of 128 KiB, as it should be.
    static func good(_ count: Int) -> ZstdFrame {
        let whole = [Block](repeating: .repeated(7, size: 131_072), count: count / 131_072)
        let rest = count % 131_072
        return ZstdFrame(contentSize: UInt64(count), blocks: whole + (rest > 0 ? [.repeated(7, size: rest)] : []))
    }

    /// Exponent and mantissa of a window descriptor: 2^(10 + exponent) × (1 + mantissa / 8) bytes.
    static func window(exponent: UInt8, mantissa: UInt8 = 0) -> UInt8 { exponent << 3 | mantissa }

    func encode() -> [UInt8] {
        let flags: [Int: UInt8] = [0: 0, 1: 1, 2: 2, 4: 3]
        // The content size in 4 bytes, or 8 where it needs them.
        let sizeBytes = contentSize.map { $0 >= 1 << 32 ? 8 : 4 } ?? 0
        let sizeFlag: UInt8 = sizeBytes == 8 ? 3 : sizeBytes == 4 ? 2 : 0
        let descriptor =
            sizeFlag << 6 | (window == nil ? 0x20 : 0) | (reservedBit ? 8 : 0) | (flags[dictionary.count] ?? 0)
        let header =
            [descriptor] + (window.map { [$0] } ?? []) + dictionary
            + (contentSize.map { NaivePack.fixed($0, bytes: sizeBytes) } ?? [])
        let body = blocks.enumerated().flatMap { $0.element.encode(isLast: $0.offset == blocks.count - 1) }
        return magic + header + body + tail
    }

    /// A skippable frame of some bytes.
    static func skippable(_ bytes: [UInt8]) -> [UInt8] {
        [0x50, 0x2a, 0x4d, 0x18] + NaivePack.fixed(UInt64(bytes.count), bytes: 4) + bytes
    }
}

extension FrameDecoder {
    /// Decodes bytes whose check is right: what stands between them and the decompressor is gone.
    func decode(trusting stored: [UInt8], raw: Int, codec: FrameCodec = .zstd) throws -> [UInt8] {
        try decode(
            stored,
            FrameInfo(
                offset: 16, storedBytes: UInt32(stored.count), rawBytes: UInt32(raw), codec: codec,
                check: Array(SHA256().digest(stored).bytes[..<FrameInfo.checkBytes])))
    }
}
