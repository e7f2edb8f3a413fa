import SnapChunking
import SnapDigest
import TestSupport
import Testing

/// Where files are cut: by their bytes alone, as the format says.
@Suite struct StreamCutterTests {
    /// A file of stretches of several kinds, not aligned to anything.
    private func randomFile(_ generator: inout SeededGenerator) -> [UInt8] {
        var file: [UInt8] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            var count = Int.random(in: 1...150_000, using: &generator)
            if generator.next() % 3 == 0 { count = max(1, count / 4096) * 4096 }
            switch generator.next() % 5 {
            case 0, 1: file += generator.bytes(count)
            case 2: file += [UInt8](repeating: 0, count: count)
            case 3:  // A period, which may have no cut at all.
                let period = generator.bytes(Int.random(in: 1...300, using: &generator))
                file += (0..<count).map { period[$0 % period.count] }
            default:  // Mostly zeros, a block of data here and there.
                file += (0..<count).map { $0 % 70_000 == 69_000 ? 1 : 0 }
            }
        }
        return file
    }

    @Test(arguments: CutRule.both)
    func sameAsTheNaiveCutHoweverSliced(_ rule: CutRule) throws {
        let seed = TestScale.seed("cutter \(rule)")
        var generator = SeededGenerator(seed: seed)
        let naive = try NaiveCutter()
        let cutter = StreamCutter()
        for round in 0..<(20 * TestScale.factor) {
            let file = randomFile(&generator)
            let expected = naive.cut(file, pages: rule.isPages)
            #expect(expected.reduce(0) { $0 + $1.count } == file.count)
            for holes in SlicedSource.Holes.allCases {
                for sizeMax in [700, 5000, 1 << 20] {
                    let source = SlicedSource(file, sizeMax: sizeMax, holes: holes, seed: seed &+ UInt64(round))
                    let found = try cutter.stretches(file, rule, source)
                    #expect(found == expected, "round \(round), slices up to \(sizeMax), holes \(holes)")
                }
            }
        }
    }

    /// One byte at a time, where no slice covers a block.
    @Test(arguments: CutRule.both)
    func byteByByte(_ rule: CutRule) throws {
        var generator = SeededGenerator(seed: TestScale.seed("byte by byte"))
        let file = generator.bytes(70_000) + [UInt8](repeating: 0, count: 80_000) + generator.bytes(10_000)
        for holes in SlicedSource.Holes.allCases {
            let source = SlicedSource(file, sizeMax: 1, holes: holes, seed: 1)
            #expect(try StreamCutter().stretches(file, rule, source) == NaiveCutter().cut(file, pages: rule.isPages))
        }
    }

    @Test func smallFiles() throws {
        let cutter = StreamCutter()
        let naive = try NaiveCutter()
        var generator = SeededGenerator(seed: 3)
        for count in [0, 1, 2, 63, 64, 65, 4095, 4096, 4097, 4160, 8191, 8192, 16_384, 65_535, 65_536, 65_537, 131_073]
        {
            for file in [
                generator.bytes(count), [UInt8](repeating: 0, count: count), [UInt8](repeating: 7, count: count),
            ] {
                for rule in CutRule.both {
                    #expect(
                        try cutter.stretches(file, rule) == naive.cut(file, pages: rule.isPages), "\(count) bytes")
                }
            }
        }
    }

    /// Runs of zeros around the least that is a zero segment, at each place that matters.
    @Test(arguments: [61_440, 65_535, 65_536, 65_537, 69_631, 69_632, 131_072])
    func runsOfZeros(_ count: Int) throws {
        let naive = try NaiveCutter()
        let cutter = StreamCutter()
        var generator = SeededGenerator(seed: 4)
        for before in [0, 1, 4095, 4096, 4097, 65_535, 65_536, 65_537] {
            for after in [0, 1, 4095, 4096, 70_000] {
                // Data without zeros at its ends, so that the run is just as long as it says.
                let data = generator.bytes(before + after).map { $0 | 1 }
                let file = data[..<before] + [UInt8](repeating: 0, count: count) + data[before...]
                for rule in CutRule.both {
                    let expected = naive.cut(Array(file), pages: rule.isPages)
                    #expect(
                        try cutter.stretches(Array(file), rule) == expected, "\(before) + \(count) zeros + \(after)")
                    // Said without the other implementation: whole zero blocks, and the last part of one at the end.
                    let start = (before + 4095) / 4096 * 4096
                    let end = after == 0 ? before + count : (before + count) / 4096 * 4096
                    let zeros = expected.filter { if case .zeros = $0 { true } else { false } }
                    #expect(zeros == (end - start >= 65_536 ? [.zeros(offset: start, count: end - start)] : []))
                }
            }
        }
    }

    /// The chunker starts anew after a zero segment: the same data there has the same chunks.
    @Test func dataAfterZerosIsCutAsIfItBegan() throws {
        var generator = SeededGenerator(seed: TestScale.seed("restart"))
        let data = generator.bytes(300_000).map { $0 | 1 }
        let alone = try StreamCutter().stretches(data).map(\.count)
        let file = generator.bytes(100_000).map { $0 | 1 } + [UInt8](repeating: 0, count: 2400 + 65_536) + data
        let found = try StreamCutter().stretches(file).map(\.count)
        #expect(Array(found.suffix(alone.count)) == alone)
    }

    @Test func sizesStayWithinTheProfile() throws {
        let profile = ChunkerProfile.fastcdc1
        var generator = SeededGenerator(seed: TestScale.seed("sizes"))
        let sizes = try StreamCutter().stretches(generator.bytes(4 << 20)).map(\.count)
        #expect(sizes.dropLast().allSatisfy { $0 > profile.min && $0 <= profile.max })
        #expect((1...profile.max).contains(try #require(sizes.last)))
        // Normalised chunking: the mean is near the average, within a third.
        let mean = (4 << 20) / sizes.count
        #expect(mean > profile.average * 2 / 3 && mean < profile.average * 3 / 2, "mean \(mean)")
        // Bytes without a cut give chunks of the largest size.
        let flat = try StreamCutter().stretches([UInt8](repeating: 7, count: 1 << 20)).map(\.count)
        #expect(flat == [Int](repeating: profile.max, count: 16))
    }

    @Test func pagesEndAtMultiplesOf64KiB() throws {
        var generator = SeededGenerator(seed: 5)
        let zeros = [UInt8](repeating: 0, count: 3 * 4096 + 65_536)
        let file = generator.bytes(65_536 + 4096).map { $0 | 1 } + zeros + generator.bytes(200_000).map { $0 | 1 }
        for stretch in try StreamCutter().stretches(file, .pages) {
            guard case .data(let offset, let count) = stretch else { continue }
            #expect(offset / 65_536 == (offset + count - 1) / 65_536, "\(stretch)")
        }
    }

    /// An insertion changes the chunks around it and no other: that is why the cut is by content.
    @Test func anInsertionMovesFewCuts() throws {
        var generator = SeededGenerator(seed: TestScale.seed("insertion"))
        let file = generator.bytes(4 << 20)
        let cutter = StreamCutter()
        func chunks(_ file: [UInt8]) throws -> Set<[UInt8]> {
            var position = 0
            return try Set(
                cutter.stretches(file).map { stretch in
                    defer { position += stretch.count }
                    return Array(file[position..<(position + stretch.count)])
                })
        }
        let before = try chunks(file)
        var changed = 0
        let rounds = 10 * TestScale.factor
        for _ in 0..<rounds {
            var edited = file
            let place = Int(generator.next() % UInt64(file.count))
            edited.insert(contentsOf: generator.bytes(Int(generator.next() % 100) + 1), at: place)
            let new = try chunks(edited).subtracting(before).count
            #expect((1...20).contains(new))
            changed += new
        }
        #expect(changed <= 4 * rounds, "\(changed) chunks in \(rounds) insertions")
        print("insertion: \(changed) new chunks of \(before.count) in \(rounds) insertions")
    }

    /// A hole of 2^60 bytes is counted, not read.
    @Test func hugeHoles() throws {
        for (hole, tail) in [(UInt64(1) << 60, 0), (1 << 60, 5), ((1 << 40) + 4095, 10)] {
            var inputs: [CutInput] = [.bytes(3), .zeros(hole), .bytes(tail)]
            if tail == 0 { inputs.removeLast() }
            var data = 0
            var zeros: UInt64 = 0
            try StreamCutter().cut(.contentDefined) { buffer in
                guard !inputs.isEmpty else { return .end }
                let next = inputs.removeFirst()
                if case .bytes(let count) = next { for index in 0..<count { buffer[index] = 9 } }
                return next
            } emit: { segment in
                switch segment {
                case .data(let bytes, _): data += bytes.count
                case .zeros(let count): zeros += count
                }
            }
            #expect(UInt64(data) + zeros == hole + 3 + UInt64(tail))
            #expect(zeros >= hole - 8192 && data < 20_000)
        }
    }

    struct Stop: Error {}

    /// What a source or a sink throws ends the file, and the next one starts clean.
    @Test func errorsLeaveTheCutterUsable() throws {
        var generator = SeededGenerator(seed: 6)
        let file = generator.bytes(200_000) + [UInt8](repeating: 0, count: 100_000) + generator.bytes(100)
        let cutter = StreamCutter()
        let expected = try cutter.stretches(file)
        for failing in 0..<expected.count {
            var emitted = 0
            var source = SlicedSource(file, sizeMax: 3000, holes: .none, seed: 1)
            #expect(throws: Stop.self) {
                try cutter.cut(.contentDefined, read: { source.read($0) }) { _ in
                    if emitted == failing { throw Stop() }
                    emitted += 1
                }
            }
            var reads = 0
            source = SlicedSource(file, sizeMax: 3000, holes: .none, seed: 2)
            #expect(throws: Stop.self) {
                try cutter.cut(
                    .contentDefined,
                    read: {
                        reads += 1
                        if reads > failing { throw Stop() }
                        return source.read($0)
                    }, emit: { _ in })
            }
            #expect(try cutter.stretches(file) == expected)
        }
    }

    @Test func zeroBlocksByteByByte() {
        for count in [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 4096] {
            var bytes = [UInt8](repeating: 0, count: count)
            #expect(bytes.withUnsafeBytes { ZeroBlocks.isZero($0) })
            for index in bytes.indices {
                bytes[index] = 0x80
                #expect(!bytes.withUnsafeBytes { ZeroBlocks.isZero($0) }, "byte \(index) of \(count)")
                bytes[index] = 0
            }
        }
        #expect(ZeroBlocks.isZero(UnsafeRawBufferPointer(start: nil, count: 0)))
    }
}
