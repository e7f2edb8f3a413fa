import Benchmark
import BenchmarkSteps

/// Registers every step; `Benchmarks/README.md` has the command.
let benchmarks: @Sendable () -> Void = {
    for step in Step.all {
        let configuration = Benchmark.Configuration(
            metrics: [.wallClock, .cpuTotal, step.rate], maxDuration: .seconds(3), maxIterations: 1_000)
        let closure: (Benchmark, @Sendable () throws -> Void) throws -> Void = { benchmark, run in
            let start = ContinuousClock.now
            try run()
            benchmark.measurement(step.rate, step.amount(in: ContinuousClock.now - start))
        }
        let setup: () async throws -> @Sendable () throws -> Void = { try step.prepare() }
        Benchmark(step.name, configuration: configuration, closure: closure, setup: setup)
    }
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
