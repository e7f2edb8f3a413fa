import Benchmark
import BenchmarkSteps

/// Registers every step; `Benchmarks/README.md` has the command.
let benchmarks: @Sendable () -> Void = {
    for step in Step.all {
        let configuration = Benchmark.Configuration(
            metrics: [.wallClock, .cpuTotal, step.rate], maxDuration: .seconds(3), maxIterations: 1_000)
        let prepared = Prepared()
        let closure: (Benchmark) throws -> Void = { benchmark in
            let start = ContinuousClock.now
            try prepared.run?()
            benchmark.measurement(step.rate, step.amount(in: ContinuousClock.now - start))
        }
        let setup: () async throws -> Void = { prepared.run = try step.prepare() }
        // What a step has made on a file system goes with it.
        let teardown: () async throws -> Void = { prepared.run = nil }
        Benchmark(step.name, configuration: configuration, closure: closure, setup: setup, teardown: teardown)
    }
}

/// What is to be timed, between set-up and tear-down; one benchmark runs at a time.
final class Prepared: @unchecked Sendable {
    var run: (@Sendable () throws -> Void)?
}

extension Step {
    /// In whole numbers, as the package wants them.
    var rate: BenchmarkMetric {
        .custom(unit == .bytes ? "MB/s" : "1000/s", polarity: .prefersLarger)
    }

    /// So much of ``rate`` is a run that took this long.
    func amount(in duration: Duration) -> Int {
        let seconds = duration / .seconds(1)
        return Int(Double(amount) / (unit == .bytes ? 1e6 : 1e3) / max(seconds, 1e-9))
    }
}
