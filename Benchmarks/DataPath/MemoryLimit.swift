import BenchmarkSteps
import SnapIO

/// Chunk and digest of data in memory, beside the scan and the digest by themselves.
struct MemoryLimit {
    private static let bytes = 64 << 20
    private static let threads = 2
    private let data = MemoryData(bytes: MemoryLimit.bytes)
    private let pool: WorkerPool
    private let nanoseconds: Int64

    /// - Parameter seconds: About how long it may take.
    init(seconds: Double) throws {
        pool = try WorkerPool(threads: Self.threads - 1, queueMax: Self.threads)
        nanoseconds = Int64(seconds * 1e9)
    }

    private struct Row {
        let name: String
        let threads: Int
        let bytes: Int
        let run: () throws -> Void
        var rates: [Double] = []

        /// GB/s of each round, the fastest last.
        var sorted: [Double] { rates.sorted() }
        var best: Double { sorted.last ?? 0 }
        var median: Double { rates.isEmpty ? 0 : sorted[rates.count / 2] }
    }

    func report() throws {
        var rows = MemoryData.Part.allCases.flatMap { part in
            [1, Self.threads].map { threads in
                Row(name: part.rawValue, threads: threads, bytes: Self.bytes * threads) {
                    try data.run(part, threads: threads, pool: pool)
                }
            }
        }
        rows.append(
            Row(name: "chunk and digest of one file", threads: Self.threads, bytes: Self.bytes) {
                try data.cutOneFile(threads: Self.threads, pool: pool)
            })
        // By turns, so that a slower moment of the machine meets all of them.
        let end = Kernel.bootNanoseconds() + nanoseconds
        var rounds = 0
        repeat {
            for index in rows.indices {
                let start = Kernel.bootNanoseconds()
                try rows[index].run()
                let taken = max(1, Kernel.bootNanoseconds() - start)
                // The first round finds caches and clocks cold.
                if rounds > 0 { rows[index].rates.append(Double(rows[index].bytes) / Double(taken)) }
            }
            rounds += 1
        } while rounds < 4 || Kernel.bootNanoseconds() < end

        print("| part | threads | median GB/s | best GB/s |\n| --- | --- | --- | --- |")
        for row in rows { print("| \(row.name) | \(row.threads) | \(text(row.median)) | \(text(row.best)) |") }
        let best = Dictionary(
            rows.filter { $0.threads == Self.threads }.map { ($0.name, $0.best) }, uniquingKeysWith: max)
        func rate(_ part: MemoryData.Part) -> Double { best[part.rawValue] ?? 0 }
        let digest = max(rate(.digest), rate(.digests))
        let limit = 1 / (1 / digest + 1 / rate(.scan))
        print("\n\(rounds - 1) rounds; limit of two threads:")
        print("1 / (1 / \(text(digest)) + 1 / \(text(rate(.scan)))) = \(text(limit)) GB/s")
        print("chunk and digest of two streams: \(percent(rate(.chunkAndDigest) / limit)) of it, at least 70 %")
        print("chunk and digest of one file:    \(percent((best["chunk and digest of one file"] ?? 0) / limit)) of it")
    }

    private func text(_ rate: Double) -> String {
        let hundredths = Int((rate * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }

    private func percent(_ part: Double) -> String { "\(Int((part * 100).rounded())) %" }
}
