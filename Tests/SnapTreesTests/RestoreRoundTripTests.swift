import Glibc
import SnapIO
import SnapTrees
import TestSupport
import Testing

/// Trees come back as they were, judged by another program and by their digest.
@Suite(.serialized) struct RestoreRoundTripTests {
    /// Trees of 80 entries, and many more of 8. Nothing appears beside a copy, nor changes there.
    @Test(.enabled(if: isRoot, "skipped: not root"), arguments: [(40, 80), (960, 8)])
    func `random awkward trees come back the same`(trees: Int, size: Int) throws {
        let seed = TestScale.seed("restore round trips")
        let proof = Proof("P13", seed: seed)
        let count = trees * TestScale.factor
        let batch = 1600 / size
        var entries = 0
        for first in stride(from: 0, to: count, by: batch) {
            let bench = try RestoreBench()
            let numbers = 0..<min(batch, count - first)
            try TreeTools.make(
                seed + UInt64(first), bench.source, "--count", "\(numbers.count)", "--entries", "\(size)")
            try bench.path("canary").write("canary")
            let pairs = numbers.map { ("\(bench.source)/\($0)", bench.path("copy-\($0)")) }
            for (number, (source, copy)) in zip(numbers, pairs) {
                let comment = "seed \(seed + UInt64(first + number))"
                let manifest = try bench.capture(source)
                let result = try bench.restore(manifest, into: copy)
                proof.note("random trees")
                proof.check(result.warnings.kept == [], "\(comment): \(result.warnings.kept)")
                proof.check(try bench.capture(copy) == manifest, "\(comment): the copy has another digest")
            }
            entries += try TreeTools.expectEqual(pairs, [], "trees of seed \(seed + UInt64(first)) and on")
            let names = try Kernel.names(inDirectory: bench.path("")).count
            proof.check(names == 2 + numbers.count, "seed \(seed + UInt64(first)): \(names) names beside the copies")
            proof.check(try bench.path("canary").text() == "canary", "seed \(seed + UInt64(first)): the canary")
        }
        let lost = proof.report("trees captured, restored, compared and captured again")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.count("random trees") == count)
        #expect(entries >= size * count)
    }

    @Test(.enabled(if: isRoot, "skipped: not root")) func `paths longer than PATH_MAX come back`() throws {
        let bench = try RestoreBench()
        try TreeTools.make(11, bench.source, "--deep", "--entries", "20")
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest)
        try TreeTools.expectEqual([(bench.source, bench.target)])
        #expect(try bench.capture(bench.target) == manifest)
    }

    @Test func `thousands of hard links come back, each with its own`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        var generator = SeededGenerator(seed: TestScale.seed("many hard links"))
        for name in ["", "/a", "/b"] { "\(bench.source)\(name)".makeDirectory() }
        let count = 3000
        for number in 0..<count {
            let file = "\(bench.source)/a/\(generator.next() % 1_000_000)-\(number)"
            try file.write(number % 7 == 0 ? generator.bytes(100) : [])
            for name in 0..<(1 + number % 3) {
                guard link(file, "\(bench.source)/b/\(number)-\(name)") == 0 else {
                    throw Command.Failure(description: file)
                }
            }
        }
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest)
        try TreeTools.expectEqual([(bench.source, bench.target)])
        #expect(try bench.capture(bench.target) == manifest)
    }

    /// On a file system in memory, where a page is allocated exactly when something was written to it.
    @Test func `no file takes more room than its source, wherever its zeros are`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        var generator = SeededGenerator(seed: TestScale.seed("room of sparse files"))
        bench.source.makeDirectory()
        let count = 60 * TestScale.factor
        for number in 0..<count { try writeSparse("\(bench.source)/\(number)", &generator) }
        try bench.restore(try bench.capture(bench.source))
        try TreeTools.expectEqual([(bench.source, bench.target)])
        var saved = 0
        for number in 0..<count {
            let source = try "\(bench.source)/\(number)".status().blocks
            let copy = try "\(bench.target)/\(number)".status().blocks
            #expect(copy <= source, "file \(number)")
            if copy < source { saved += 1 }
        }
        // Zeros that were written took room in the source.
        #expect(saved > 0)
    }

    private func writeSparse(_ path: String, _ generator: inout SeededGenerator) throws {
        let file = try Kernel.open(path, [.writeOnly, .create])
        var offset: UInt64 = 0
        for _ in 0..<Int.random(in: 1...12, using: &generator) {
            let lengths = [1, 100, 4095, 4096, 4097, 12_288, 61_440, 65_536, 70_000, 300_000]
            let length = lengths.randomElement(using: &generator) ?? 1
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: break
            case 1: try write([UInt8](repeating: 0, count: length), file, offset)
            default: try write(generator.bytes(length), file, offset)
            }
            offset += UInt64(length)
        }
        try Kernel.truncate(file, to: offset)
    }

    private func write(_ bytes: [UInt8], _ file: Descriptor, _ offset: UInt64) throws {
        try bytes.withUnsafeBytes { try Kernel.write(file, $0, at: offset) }
    }

    @Test func `aligned blocks of zeros between data take no room`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        let data = [UInt8](repeating: 7, count: 4096)
        let zeros = [UInt8](repeating: 0, count: 4096)
        try (bench.source + "/f").write(data + zeros + data + zeros + zeros + [1])
        try bench.restore(try bench.capture(bench.source))
        #expect(try (bench.source + "/f").status().blocks == 6 * 8)
        #expect(try (bench.target + "/f").status().blocks == 3 * 8)
        #expect(try (bench.target + "/f").contents() == (bench.source + "/f").contents())
    }
}
