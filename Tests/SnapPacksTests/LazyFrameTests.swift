import SnapDigest
import SnapIO
import SnapPacks
import Synchronization
import TestSupport
import Testing

/// Frames that are decoded as far as somebody asks: what is seen of one is what it holds, whoever asked for how much before.
@Suite struct LazyFrameTests {
    /// How a frame's bytes are stored, and whether its blocks come from a compressor.
    enum Form: CaseIterable {
        case compressed, blocksByHand, plain
    }

    private func frame(_ form: Form, _ count: Int, _ generator: inout SeededGenerator) throws -> (
        raw: [UInt8], stored: [UInt8], codec: FrameCodec
    ) {
        switch form {
        case .plain:
            let raw = generator.bytes(count)
            return (raw, raw, .raw)
        case .blocksByHand:
            return ([UInt8](repeating: 7, count: count), ZstdFrame.good(count).encode(), .zstd)
        case .compressed:
            // Repeats of what lies far behind: blocks that need the ones before them.
            var raw = generator.bytes(min(count, 3000))
            while raw.count < count {
                let start = Int.random(in: 0..<raw.count, using: &generator)
                raw += raw[start..<min(raw.count, start + 700)].prefix(count - raw.count)
                raw += generator.bytes(min(40, count - raw.count))
            }
            let (codec, stored) = try FrameCompressor().compress(raw)
            return (raw, stored, codec)
        }
    }

    private func open(
        _ stored: [UInt8], raw: Int, _ codec: FrameCodec, isChecked: Bool = true, _ decoders: FrameDecoders
    ) throws -> LazyFrame {
        let info = FrameInfo(
            offset: 16, storedBytes: UInt32(stored.count), rawBytes: UInt32(raw), codec: codec,
            check: Array(try SHA256().digest(stored).bytes[..<FrameInfo.checkBytes]))
        return try LazyFrame(stored, info, isChecked: isChecked, decoders: decoders)
    }

    @Test(arguments: Form.allCases) func anyEndsInAnyOrder(_ form: Form) throws {
        var generator = SeededGenerator(seed: TestScale.seed("ends of frames \(form)"))
        let decoders = FrameDecoders()
        let blocks = [1, 131_071, 131_072, 131_073, 262_144, 262_145, 1 << 20, (1 << 20) + 5, 8 << 20]
        for count in blocks + (0..<20).map({ _ in Int.random(in: 1...1_500_000, using: &generator) }) {
            let (raw, stored, codec) = try frame(form, count, &generator)
            let lazy = try open(stored, raw: count, codec, decoders)
            #expect(lazy.count == count)
            let near = [0, 1, 131_071, 131_072, 131_073, count - 131_073, count - 1].filter { (0...count).contains($0) }
            var ends = near + (0..<6).map { _ in Int.random(in: 0...count, using: &generator) }
            ends.shuffle(using: &generator)
            for end in ends + [count] {
                let isSame = try lazy.withBytes(to: end) { $0.elementsEqual(raw[..<end]) }
                #expect(isSame, "\(end) of \(count)")
            }
        }
    }

    /// Frames that are begun, left, and gone on with by turns, over decoders that go from one to the next.
    @Test func severalAtOnce() throws {
        var generator = SeededGenerator(seed: TestScale.seed("frames by turns"))
        let decoders = FrameDecoders()
        let frames = try (0..<6).map { _ in try frame(.compressed, 900_000, &generator) }
        var opened: [LazyFrame?] = frames.map { _ in nil }
        for _ in 0..<200 {
            let number = Int.random(in: 0..<frames.count, using: &generator)
            let (raw, stored, codec) = frames[number]
            let lazy = try opened[number] ?? open(stored, raw: raw.count, codec, decoders)
            let end = Int.random(in: 0...raw.count, using: &generator)
            let isSame = try lazy.withBytes(to: end) { $0.elementsEqual(raw[..<end]) }
            #expect(isSame)
            opened[number] = generator.next() % 4 == 0 ? nil : lazy
        }
    }

    @Test func severalThreads() throws {
        var generator = SeededGenerator(seed: TestScale.seed("frames and threads"))
        let decoders = FrameDecoders()
        for _ in 0..<10 {
            let (raw, stored, codec) = try frame(.compressed, 1 << 20, &generator)
            let lazy = try open(stored, raw: raw.count, codec, decoders)
            let ends = (0..<4).map { _ in (0..<20).map { _ in Int.random(in: 0...raw.count, using: &generator) } }
            let wrong = Atomic<Int>(0)
            let pool = try WorkerPool(threads: ends.count, queueMax: ends.count)
            for ends in ends {
                try pool.submit {
                    for end in ends where try !lazy.withBytes(to: end, { $0.elementsEqual(raw[..<end]) }) {
                        wrong.add(1, ordering: .relaxed)
                    }
                }
            }
            try pool.wait()
            #expect(wrong.load(ordering: .relaxed) == 0)
        }
    }

    /// Damage behind what is wanted harms nobody; damage before it is an error, then and from then on.
    @Test func damage() throws {
        var generator = SeededGenerator(seed: TestScale.seed("damaged frames"))
        let decoders = FrameDecoders()
        let (raw, stored, _) = try frame(.compressed, 1 << 20, &generator)
        var refused = 0
        for _ in 0..<(200 * TestScale.factor) {
            var damaged = stored
            damaged[Int.random(in: 10..<stored.count, using: &generator)] ^= 1 << UInt8(generator.next() % 8)
            // Without its check: only what the format refuses is noticed here, and that is all that is to be.
            guard let lazy = try? open(damaged, raw: raw.count, .zstd, isChecked: false, decoders) else { continue }
            do {
                _ = try lazy.withBytes(to: 200_000) { $0.count }
                _ = try lazy.withBytes(to: raw.count) { $0.count }
            } catch let error as PackError {
                refused += 1
                #expect(error.code == .corrupt)
                #expect(throws: PackError.self) { try lazy.withBytes(to: raw.count) { $0.count } }
            }
        }
        #expect(refused > 0)
        let whole = try open(stored, raw: raw.count, .zstd, decoders)
        #expect(try whole.withBytes(to: raw.count) { $0.elementsEqual(raw) })
    }

    /// What decodes to another length than it says, whether it is taken at once or in steps.
    @Test(arguments: [[500_000], [200_000, 500_000], [1, 400_000, 500_000]]) func otherLengths(_ ends: [Int]) throws {
        let decoders = FrameDecoders()
        for count in [499_999, 500_001, 300_000, 131_072] {
            var made = ZstdFrame.good(count)
            made.contentSize = 500_000
            let stored = made.encode()
            let lazy = try open(stored, raw: 500_000, .zstd, decoders)
            let error = #expect(throws: PackError.self, "\(count)") {
                for end in ends { try lazy.withBytes(to: end) { _ in } }
            }
            #expect(error?.code == .corrupt)
        }
    }

    /// As ``FrameDecoder`` refuses them.
    @Test func whatIsNoFrame() throws {
        let decoders = FrameDecoders()
        let good = ZstdFrame.good(1000).encode()
        #expect(throws: PackError.self) { try open(good + good, raw: 2000, .zstd, decoders) }
        #expect(throws: PackError.self) { try open(good, raw: 999, .zstd, decoders) }
        #expect(throws: PackError.self) { try open([1, 2, 3], raw: 4, .raw, decoders) }
        let info = FrameInfo(
            offset: 16, storedBytes: UInt32(good.count), rawBytes: 1000, codec: .zstd,
            check: [UInt8](repeating: 0, count: FrameInfo.checkBytes))
        #expect(throws: PackError.self) { try LazyFrame(good, info, isChecked: true, decoders: decoders) }
        #expect(try LazyFrame(good, info, isChecked: false, decoders: decoders).withBytes(to: 9) { $0.count } == 9)
    }
}
