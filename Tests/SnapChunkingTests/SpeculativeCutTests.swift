import SnapChunking
import SnapDigest
import SnapIO
import TestSupport
import Testing

/// Several threads cut a big stream exactly as one does, whatever is in it.
@Suite struct SpeculativeCutTests {
    /// A segment, as comparison sees it.
    private enum Segment: Hashable {
        case data(Digest)
        case zeros(UInt64)
    }

    enum Kind: String, CaseIterable {
        case random, periodic, constant, text, zeroRuns, zerosAcrossSlices, mostlyZeros
    }

    private func bytes(_ kind: Kind, _ generator: inout SeededGenerator) -> [UInt8] {
        let count = (17 << 20) + Int(generator.next() % (8 << 20))
        switch kind {
        case .random: return generator.bytes(count)
        case .periodic: return repeated(generator.bytes(1 + Int(generator.next() % 9000)), count)
        case .constant: return [UInt8](repeating: 0x55, count: count)
        case .text: return repeated(Array("all work and no play makes jack a dull boy\n".utf8), count)
        case .zeroRuns: return sprinkled(generator.bytes(count), runsMax: 200 << 10, every: 300 << 10, &generator)
        case .zerosAcrossSlices:
            // Where windows and slices are likely to begin: at every MiB, give or take a few blocks.
            var data = generator.bytes(count)
            for start in stride(from: 1 << 20, to: count - (1 << 19), by: 1 << 20) {
                let first = start - Int(generator.next() % (100 << 10))
                for index in first..<(first + Int(generator.next() % (200 << 10))) { data[index] = 0 }
            }
            return data
        case .mostlyZeros:
            return sprinkled([UInt8](repeating: 0, count: count), runsMax: 0, every: 700 << 10, &generator)
        }
    }

    private func repeated(_ unit: [UInt8], _ count: Int) -> [UInt8] {
        var data: [UInt8] = []
        data.reserveCapacity(count + unit.count)
        while data.count < count { data += unit }
        return Array(data.prefix(count))
    }

    /// With runs of zeros, or of one byte where there are zeros, here and there.
    private func sprinkled(_ data: [UInt8], runsMax: Int, every: Int, _ generator: inout SeededGenerator) -> [UInt8] {
        var data = data
        var at = 0
        while true {
            at += 1 + Int(generator.next() % UInt64(every))
            let length = 1 + (runsMax > 0 ? Int(generator.next() % UInt64(runsMax)) : 0)
            guard at + length < data.count else { return data }
            for index in at..<(at + length) { data[index] = runsMax > 0 ? 0 : 7 }
            at += length
        }
    }

    private func cut(_ data: [UInt8], _ rule: CutRule, threads: Int, pool: WorkerPool?) throws -> [Segment] {
        let cutter = StreamCutter(
            threads: threads, concurrently: pool.map { pool in { try pool.concurrently($0, $1) } })
        let hasher = try SHA256()
        var segments: [Segment] = []
        try data.withUnsafeBytes { bytes in
            try cutter.cut(rule, of: bytes) { segment in
                switch segment {
                case .data(let bytes, let digest):
                    let own = hasher.digest(bytes)
                    if let digest { #expect(digest == own) }
                    segments.append(.data(own))
                case .zeros(let size): segments.append(.zeros(size))
                }
            }
        }
        return segments
    }

    @Test(arguments: Kind.allCases, [CutRule.contentDefined, .pages])
    func severalThreadsCutAsOneDoes(_ kind: Kind, _ rule: CutRule) throws {
        let seed = TestScale.seed("speculative cut, \(kind)")
        var generator = SeededGenerator(seed: seed)
        let pool = try WorkerPool(threads: 3, queueMax: 8)
        for _ in 0..<TestScale.factor {
            let data = bytes(kind, &generator)
            let serial = try cut(data, rule, threads: 1, pool: nil)
            for threads in 2...4 {
                let parallel = try cut(data, rule, threads: threads, pool: pool)
                #expect(parallel == serial, "\(threads) threads, \(data.count) bytes, seed \(seed)")
            }
        }
    }

    @Test func theOthersAreOfUse() throws {
        var generator = SeededGenerator(seed: 5)
        let data = generator.bytes(20 << 20)
        let pool = try WorkerPool(threads: 1, queueMax: 2)
        let cutter = StreamCutter(threads: 2) { try pool.concurrently($0, $1) }
        var (ahead, all) = (0, 0)
        try data.withUnsafeBytes { bytes in
            try cutter.cut(.contentDefined, of: bytes) { segment in
                guard case .data(_, let digest) = segment else { return }
                all += 1
                if digest != nil { ahead += 1 }
            }
        }
        // All but the chunks around the beginnings of windows and slices were cut and hashed ahead.
        #expect(ahead * 10 >= all * 9, "\(ahead) of \(all)")
    }
}
