import SnapIO
import TestSupport
import Testing

/// Several processes of the real program on one store at once.
@Suite(.serialized) struct ProcessModelTests {
    @Test func nothingIsLostWhileSeveralProcessesDoEverything() throws {
        let seed = TestScale.seed("processes")
        let (bench, model) = (try CommandBench(), ProcessModel())
        let proof = Proof("P8", seed: seed)
        try bench.done("snapstore create root first:1 -q")
        model.begin("first:1", try SeenTree(bench.root))
        model.made("first:1", digest: try bench.digest("first:1"))
        let roles = ProcessWorker.Role.allCases
        let pool = try WorkerPool(threads: roles.count, queueMax: roles.count)
        let commands = 40 * min(TestScale.factor, 10)
        for (number, role) in roles.enumerated() {
            try pool.submit {
                var worker = try ProcessWorker(role, bench, model, proof, seed: seed &+ UInt64(number) &* 7919)
                try worker.run(commands)
            }
        }
        try pool.wait()
        try checkAtRest(bench, model, proof)
        try checkEmptied(bench, proof)
        let lost = proof.report("processes of the program on one store, \(roles.count) at once")
        #expect(lost.isEmpty, "\(lost.prefix(3)), seed \(seed)")
        #expect(proof.count("processes") >= roles.count * commands)
    }

    /// Nobody works: what must be there is listed, restores as it was captured, and a check finds nothing.
    private func checkAtRest(_ bench: CommandBench, _ model: ProcessModel, _ proof: Proof) throws {
        let must = model.now.filter { $0.value.state == .there }
        let listed = try ProcessWorker.listed(try bench.binary.run("list", "--json"))
        proof.check(
            listed == must.compactMapValues(\.digest), "\(listed.keys.sorted()) are listed, not \(must.keys.sorted())")
        let check = try bench.binary.run("fsck", "--read-data")
        proof.check(check.status == 0, "fsck at rest: \(check.output)")
        let sessions = try bench.summary("snapstore stats --json")["sessions"] as? Int
        proof.check(sessions == 0, "\(sessions ?? -1) sessions are left")
        let out = bench.directory.file("out")
        for (reference, snapshot) in must {
            let run = try bench.binary.run("restore", reference, out, "-q")
            proof.check(run.status == 0, "\(reference): \(run.errors)")
            proof.check(try SeenTree(out) == snapshot.tree, "\(reference) is not what was captured")
            TemporaryDirectory.removeAll(out)
        }
    }

    private func checkEmptied(_ bench: CommandBench, _ proof: Proof) throws {
        let ids = try bench.lines("snapstore list --json").compactMap { $0["id"] as? String }
        try bench.binary.run(["delete", "--yes"] + ids)
        try bench.binary.run("gc", "--grace", "0")
        let stats = try bench.summary("snapstore stats --json")
        for key in ["snapshots", "objects", "packs", "packBytes", "heldBytes", "condemnedBytes"] {
            proof.check(stats[key] as? Int == 0, "\(key) is \(stats[key] ?? "nothing") in the end")
        }
        let check = try bench.binary.run("fsck", "--read-data")
        proof.check(check.status == 0, "fsck of nothing: \(check.output)")
    }
}
