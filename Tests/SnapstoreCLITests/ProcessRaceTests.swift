import SnapIO
import Synchronization
import TestSupport
import Testing

/// Processes of the real program that race for one tag, while another looks at what it names.
@Suite(.serialized) struct ProcessRaceTests {
    private static let writers = 8

    private let bench: CommandBench
    private let proof: Proof
    private let seed: UInt64

    init() throws {
        bench = try CommandBench()
        seed = TestScale.seed("races of processes")
        proof = Proof("P2", seed: seed)
    }

    @Test func oneOfEightProcessesGetsATag() throws {
        let races = 20 * min(TestScale.factor, 5)
        try bench.done("snapstore create root first:1 -q")
        let isOver = Mutex(false)
        let looks = Mutex(0)
        let trees = TreeSet()
        let poller = try WorkerPool(threads: 1, queueMax: 1)
        try poller.submit {
            while !isOver.withLock({ $0 }) {
                if try look(trees) { looks.withLock { $0 += 1 } }
            }
        }
        var before = "none"
        for number in 0..<races { before = try race(number, before, trees) }
        isOver.withLock { $0 = true }
        try poller.wait()
        try bench.expectSound("after the races")
        let seen = looks.withLock { $0 }
        let lost = proof.report("races of \(Self.writers) processes for one tag, \(seen) restores meanwhile")
        #expect(lost.isEmpty, "\(lost.prefix(3)), seed \(seed)")
        #expect(proof.count("races") == races && seen > 0)
    }

    /// Restores what the tag names now: some captured tree, whole. Says whether there was one.
    private func look(_ trees: TreeSet) throws -> Bool {
        let out = bench.directory.file("seen")
        defer { TemporaryDirectory.removeAll(out) }
        let run = try bench.binary.run("restore", "race:t", out, "-q")
        guard run.status == 0 else {
            // Nobody has won it yet.
            proof.check(run.status == 4, "a look ended with \(run.status): \(run.errors)")
            return false
        }
        proof.check(trees.contains(try SeenTree(out)), "a snapshot is half there")
        return true
    }

    /// Returns the digest that the tag names afterwards.
    private func race(_ number: Int, _ before: String, _ trees: TreeSet) throws -> String {
        let sources = (0..<Self.writers).map { "writer\($0)" }
        for source in sources {
            try bench.write("\(source)/own", Array("race \(number), \(source)".utf8))
            try bench.write("\(source)/sub/shared", Array(repeating: 7, count: 9_000))
            trees.insert(try SeenTree(bench.directory.file(source)))
        }
        let children = try sources.map { source in
            try ChildProcess(
                bench.binary.path,
                [
                    "create", bench.directory.file(source), "race:t", "--if-match", before, "--json", "--store",
                    bench.store,
                ])
        }
        let runs = try children.map { try $0.wait() }
        proof.note("races")
        for run in runs where run.status != 0 {
            proof.check(run.status == 6, "race \(number): exit \(run.status): \(run.errors)")
        }
        let winners = runs.filter { $0.status == 0 }
        proof.check(winners.count == 1, "race \(number) had \(winners.count) winners")
        let now = try bench.digest("race:t")
        let won = try winners.first.flatMap { try JSONText.lines($0.output).last?["digest"] as? String }
        proof.check(won == now, "race \(number): the tag names \(now), which is not the winner's")
        return now
    }

    /// Every tree that was captured.
    private final class TreeSet: Sendable {
        private let trees = Mutex<Set<SeenTree>>([])

        func insert(_ tree: SeenTree) { trees.withLock { _ = $0.insert(tree) } }
        func contains(_ tree: SeenTree) -> Bool { trees.withLock { $0.contains(tree) } }
    }
}
