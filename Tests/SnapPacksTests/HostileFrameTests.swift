import SnapDigest
import SnapPacks
import TestSupport
import Testing

/// Frames that a stranger made: each is what it says, or refused, and none takes memory that it did not declare.
@Suite struct HostileFrameTests {
    private let decoder: FrameDecoder

    init() throws { decoder = try FrameDecoder() }

    private func refuses(_ bytes: [UInt8], raw: Int, _ what: String) {
        let error = #expect(throws: PackError.self, "\(what)") { try decoder.decode(trusting: bytes, raw: raw) }
        #expect(error?.code == .corrupt, "\(what)")
    }

    private func refuses(_ frame: ZstdFrame, raw: Int = 1000, _ what: String) {
        refuses(frame.encode(), raw: raw, what)
    }

    private func accepts(_ frame: ZstdFrame, raw: Int = 1000) throws {
        #expect(try decoder.decode(trusting: frame.encode(), raw: raw) == [UInt8](repeating: 7, count: raw))
    }

    @Test func framesByHandAreFrames() throws {
        for count in [1, 255, 256, 1000, 131_072, 131_073, 8 << 20] { try accepts(.good(count), raw: count) }
    }

    @Test func contentSizes() {
        for size: UInt64? in [nil, 0, 999, 1001, 1 << 31, 1 << 32, 1 << 63, .max, .max - 1] {
            var frame = ZstdFrame.good(1000)
            frame.contentSize = size
            if size == nil { frame.window = ZstdFrame.window(exponent: 0) }
            refuses(frame, "content size \(String(describing: size))")
        }
        for raw in [1, 999, 1001, 8 << 20] { refuses(.good(1000), raw: raw, "\(raw) bytes declared for 1000") }
        for count in [999, 1001, 0] {
            var frame = ZstdFrame.good(count)
            frame.contentSize = 1000
            if count == 0 { frame.blocks = [.raw([])] }
            refuses(frame, "\(count) bytes where 1000 are said")
        }
    }

    @Test func declaredSizesOverTheLimit() {
        refuses(.good((8 << 20) + 1), raw: (8 << 20) + 1, "over 8 MiB")
        refuses(.good(1000), raw: Int(UInt32.max), "2^32 - 1")
    }

    @Test func windows() throws {
        // 8 MiB is 2^(10 + 13).
        for exponent: UInt8 in 0...31 {
            for mantissa: UInt8 in 0...7 {
                var frame = ZstdFrame.good(1000)
                frame.window = ZstdFrame.window(exponent: exponent, mantissa: mantissa)
                if exponent < 13 || (exponent == 13 && mantissa == 0) {
                    try accepts(frame)
                } else {
                    refuses(frame, "window 2^\(10 + exponent) + \(mantissa)/8")
                }
            }
        }
    }

    @Test func dictionaries() {
        for id: [UInt8] in [[0], [1], [0, 0], [1, 2], [0, 0, 0, 0], [1, 2, 3, 4]] {
            var frame = ZstdFrame.good(1000)
            frame.dictionary = id
            refuses(frame, "dictionary \(id)")
            frame.window = ZstdFrame.window(exponent: 2)
            refuses(frame, "dictionary \(id) with a window")
        }
    }

    @Test func moreOrLessThanOneFrame() {
        let (half, good) = (ZstdFrame.good(500).encode(), ZstdFrame.good(1000).encode())
        refuses(half + half, raw: 1000, "two frames that add up")
        refuses(good + half, raw: 1000, "a frame more")
        refuses(good + good, raw: 2000, "a frame twice")
        refuses(ZstdFrame.skippable([]), raw: 1000, "a skippable frame")
        refuses(ZstdFrame.skippable([UInt8](repeating: 7, count: 1000)), raw: 1000, "a skippable frame of that size")
        refuses(ZstdFrame.skippable([1]) + good, raw: 1000, "a skippable frame before")
        refuses(good + ZstdFrame.skippable([]), raw: 1000, "a skippable frame after")
        for tail: [UInt8] in [[0], [0x28], [UInt8](repeating: 0, count: 100), [0x28, 0xb5, 0x2f, 0xfd]] {
            refuses(good + tail, raw: 1000, "\(tail.count) bytes after")
        }
        refuses([], raw: 1000, "nothing")
        for count in 0..<good.count { refuses(Array(good[..<count]), raw: 1000, "the first \(count) bytes") }
    }

    @Test func otherMagicNumbers() {
        // The formats of zstd before 0.8 and of dictionaries.
        for first: UInt8 in [0x1e, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x29, 0x00] {
            var frame = ZstdFrame.good(1000)
            frame.magic = [first, 0xb5, 0x2f, 0xfd]
            refuses(frame, "magic \(first)")
        }
        refuses([0x37, 0xa4, 0x30, 0xec] + ZstdFrame.good(1000).encode().dropFirst(4), raw: 1000, "a dictionary")
        var reserved = ZstdFrame.good(1000)
        reserved.reservedBit = true
        refuses(reserved, "the reserved bit")
    }

    /// 32 KB that expand to 1 GiB, whatever they say of it.
    @Test func bombs() {
        var bomb = ZstdFrame.good(1 << 30)
        #expect(bomb.encode().count < 33 << 10)
        refuses(bomb, raw: 8 << 20, "1 GiB that says so")
        for said in [1000, 131_072, 8 << 20] {
            bomb.contentSize = UInt64(said)
            bomb.window = nil
            refuses(bomb, raw: said, "1 GiB that says \(said)")
            bomb.window = ZstdFrame.window(exponent: 13)
            refuses(bomb, raw: said, "1 GiB that says \(said), with a window")
        }
    }

    @Test func storedBytesAreChecked() throws {
        let stored = ZstdFrame.good(1000).encode()
        let info = FrameInfo(
            offset: 16, storedBytes: UInt32(stored.count), rawBytes: 1000, codec: .zstd,
            check: Array(try SHA256().digest(stored).bytes[..<FrameInfo.checkBytes]))
        #expect(try decoder.decode(stored, info).count == 1000)
        for index in stored.indices {
            for bit in 0..<8 {
                var damaged = stored
                damaged[index] ^= 1 << bit
                #expect(throws: PackError.self) { try decoder.decode(damaged, info) }
            }
            #expect(throws: PackError.self) { try decoder.decode(Array(stored[..<index]), info) }
        }
        #expect(throws: PackError.self) { try decoder.decode(stored + [0], info) }
    }

    @Test func rawFrames() throws {
        #expect(try decoder.decode(trusting: [1, 2, 3], raw: 3, codec: .raw) == [1, 2, 3])
        for raw in [0, 2, 4] {
            #expect(throws: PackError.self) { try decoder.decode(trusting: [1, 2, 3], raw: raw, codec: .raw) }
        }
    }

    /// Whatever stands in a frame, the answer is its bytes or an error, and the decoder goes on working.
    @Test func noise() throws {
        var generator = SeededGenerator(seed: TestScale.seed("frames"))
        let good = ZstdFrame.good(1000).encode()
        for _ in 0..<(5000 * TestScale.factor) {
            var bytes = good
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes[Int.random(in: 4..<bytes.count, using: &generator)] = UInt8(truncatingIfNeeded: generator.next())
            }
            if let raw = try? decoder.decode(trusting: bytes, raw: 1000) { #expect(raw.count == 1000) }
        }
        try accepts(.good(1000))
    }
}
