import Foundation
import TestSupport
import Testing

/// `benchmark`: what it measures is there, and nothing of it stays.
@Suite struct BenchmarkTests {
    @Test func itMeasuresEveryPartAndLeavesNothing() throws {
        let bench = try CommandBench()
        try bench.done("mkdir place")
        let lines = try bench.lines("snapstore benchmark --seconds 1 --size 2M --directory place --json")
        let items = lines.filter { $0["type"] as? String == "item" }
        let parts = ["cut", "digest", "compress", "decompress", "capture", "restore"]
        #expect(Set(items.compactMap { $0["part"] as? String }) == Set(parts))
        for item in items {
            let rates = ["slowest", "bytesPerSecond", "fastest"].map { item[$0] as? Int ?? 0 }
            #expect(rates == rates.sorted() && rates[0] > 0 && item["rounds"] as? Int ?? 0 >= 3, "\(item)")
        }
        #expect(lines.last?["bytes"] as? Int == 2 << 20)
        for part in parts { #expect(lines.last?["\(part)BytesPerSecond"] as? Int ?? 0 > 0, "\(part)") }
        #expect(try bench.done("ls place; ls -d store 2>/dev/null || true").isEmpty)
        let table = try bench.done("snapstore benchmark --seconds 1 --size 1M --directory place")
        #expect(table.hasPrefix("PART ") && table.split(separator: "\n").count >= 8, "\(table)")
    }

    @Test(arguments: ["--seconds 0", "--size 0", "--size 5T", "--size 1023k", "--directory nowhere"])
    func whatCannotBeIsRefused(_ options: String) throws {
        let run = try CommandBench().shell("snapstore benchmark \(options)")
        #expect(run.status == (options.contains("nowhere") ? 4 : 2), "\(options): \(run.errors)")
    }

    @Test func anInterruptLeavesNothing() throws {
        let bench = try CommandBench()
        let run = try bench.shell(
            """
            mkdir place; snapstore benchmark --seconds 60 --size 16M --directory place & until test -e place/*; do sleep 0.01; done
            kill -TERM $!; wait $!; echo $?; ls place
            """)
        #expect(run.output == "130\n", "\(run.output)\(run.errors)")
    }
}
