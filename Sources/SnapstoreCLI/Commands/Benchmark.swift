import ArgumentParser
import SnapCore
import SnapIO
import SnapTrees
import Snapstore

struct Benchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure how fast this machine captures and restores.",
        discussion: """
            Examples:
              snapstore benchmark
              snapstore benchmark --seconds 2 --size 8M --json

            cut, digest, compress and decompress are in memory, on one thread and on all; capture and restore go through \
            a store of their own, in a directory that is removed again. The data compresses to about half. RATE is the \
            median of several rounds, of bytes before compression; SPREAD is from the slowest to the fastest.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("About how long it may take.", valueName: "n")) var seconds = 10
    @Option(help: ArgumentHelp("How much data: bytes, or k, M, G.", valueName: "size")) var size: ByteCount = .standard
    @Option(
        help: ArgumentHelp("Where store and tree are made ($TMPDIR or /tmp).", valueName: "dir"), completion: .directory
    )
    var directory: String?

    private struct Row {
        let part: String
        let threads: Int
        let rates: Rates
    }

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        guard (1...3600).contains(seconds) else { throw StoreError(.invalid, "--seconds is a number from 1 to 3600.") }
        let place = directory ?? environment("TMPDIR") ?? "/tmp"
        guard Kernel.isDirectory(place) else {
            throw StoreError(.notFound, "There is no directory \(RawText.printable(place)).")
        }
        let watch = Stopwatch()
        let progress = Progress()
        Interrupts.cancel(progress)
        defer { Interrupts.cancel(nil) }
        let rows = try StoreError.mapped { try measure(place, progress) }
        try show(rows, output)
        let best = Dictionary(rows.map { ("\($0.part)BytesPerSecond", $0.rates.median) }) { max($0, $1) }
        try output.summary(
            "\(Format.bytes(Int64(size.bytes))) of data, \(Format.count(Int64(Kernel.processorCount), "processor")); "
                + Format.seconds(watch.seconds),
            [("bytes", .integer(Int64(size.bytes))), ("threads", .integer(Int64(Kernel.processorCount)))]
                + best.sorted { $0.key < $1.key }.map { ($0.key, .integer(Format.whole($0.value))) }
                + [("seconds", .number(watch.seconds))])
    }

    private func measure(_ place: String, _ progress: Progress) throws -> [Row] {
        var rows: [Row] = []
        let pipeline = try PipelineBenchmark(bytes: size.bytes) { try progress.check() }
        let counts = Kernel.processorCount > 1 ? [1, Kernel.processorCount] : [1]
        let parts = PipelineBenchmark.Part.allCases.flatMap { part in counts.map { (part, $0) } }
        // Half of the time for these, half for the store.
        let share = Int64(seconds) * 1_000_000_000 / 2 / Int64(parts.count)
        for (part, threads) in parts {
            let rates = try Rates.measured(share) {
                try progress.check()
                let nanoseconds = try pipeline.run(part, threads: threads)
                return [Rates.perSecond(pipeline.bytes * threads, nanoseconds)]
            }
            rows += rates.map { Row(part: part.rawValue, threads: threads, rates: $0) }
        }
        let store = try StoreBenchmark(in: place, bytes: size.bytes) { try progress.check() }
        let rates = try Rates.measured(Int64(seconds) * 1_000_000_000 / 2) {
            let nanoseconds = try store.run(progress)
            return [nanoseconds.capture, nanoseconds.restore].map { Rates.perSecond(store.bytes, $0) }
        }
        // Both use what processors there are.
        return rows
            + zip(["capture", "restore"], rates).map { Row(part: $0, threads: Kernel.processorCount, rates: $1) }
    }

    private func show(_ rows: [Row], _ output: Output) throws {
        if output.isJSON {
            for row in rows {
                try output.item(
                    "",
                    [
                        ("part", .text(row.part)), ("threads", .integer(Int64(row.threads))),
                        ("bytesPerSecond", .integer(Format.whole(row.rates.median))),
                        ("slowest", .integer(Format.whole(row.rates.slowest))),
                        ("fastest", .integer(Format.whole(row.rates.fastest))),
                        ("rounds", .integer(Int64(row.rates.rounds))),
                    ])
            }
            return
        }
        func rate(_ value: Double) -> String { Format.bytes(Format.whole(value)) + "/s" }
        let cells = rows.map { row in
            [
                row.part, String(row.threads), rate(row.rates.median),
                "\(rate(row.rates.slowest)) … \(rate(row.rates.fastest))", String(row.rates.rounds),
            ]
        }
        let table = Format.table([["PART", "THREADS", "RATE", "SPREAD", "ROUNDS"]] + cells, right: [1, 2, 3, 4])
        for line in table { try output.item(line, []) }
    }
}

extension Benchmark: StoreCommand { static var name: String { "benchmark" } }

/// What several rounds of the same have shown, in bytes a second.
private struct Rates {
    private let sorted: [Double]

    var slowest: Double { sorted.first ?? 0 }
    var fastest: Double { sorted.last ?? 0 }
    var median: Double { sorted.isEmpty ? 0 : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2 }
    var rounds: Int { sorted.count }

    static func perSecond(_ bytes: Int, _ nanoseconds: Int64) -> Double { Double(bytes) * 1e9 / Double(nanoseconds) }

    /// Runs rounds for so long, and three at least, after one that does not count. A round may measure several things.
    static func measured(_ nanoseconds: Int64, _ round: () throws -> [Double]) throws -> [Rates] {
        _ = try round()
        let end = Kernel.bootNanoseconds() + nanoseconds
        var rounds: [[Double]] = []
        while rounds.count < 3 || rounds.count < 1000 && Kernel.bootNanoseconds() < end { rounds.append(try round()) }
        return (rounds.first ?? []).indices.map { index in Rates(sorted: rounds.map { $0[index] }.sorted()) }
    }
}

/// A number of bytes, or one with k, M or G.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    static let standard = ByteCount(bytes: 64 << 20)

    init(bytes: Int) {
        self.bytes = bytes
    }

    init?(argument: String) {
        let units: [Character: Int] = ["k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        // What is measured in memory must fit there.
        guard !overflow, (1 << 20...4 << 30).contains(product) else { return nil }
        bytes = product
    }

    var defaultValueDescription: String { "64M" }
}
