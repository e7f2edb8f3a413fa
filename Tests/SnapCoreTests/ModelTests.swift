import SnapCatalogue
import SnapCore
import SnapDigest
import SnapIO
import Synchronization
import TestSupport
import Testing

/// Eight workers do everything at once on one store, beside a model in memory that says what must be there.
@Suite(.serialized) struct ModelTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private static let workers = 8
    private static let rounds = 5
    private static let operationsPerRound = 2_500

    @Test func nothingIsLostWhileEightWorkersDoEverything() throws {
        let seed = TestScale.seed("model")
        let proof = Proof("P8", seed: seed)
        // Each store has a life of 100,000 operations; a million is enough for the longest test.
        let lives = min(TestScale.factor, 10)
        var (returns, undecided) = (0, 0)
        for life in 0..<lives {
            let path = directory.file("store\(life)")
            defer { TemporaryDirectory.removeAll(path) }
            try Store.open(path: path, create: true).close()
            for round in 0..<Self.rounds {
                let bench = ModelBench(
                    path: path, seed: seed &+ UInt64(life * Self.rounds + round) &* 104_729, proof: proof)
                let workers = try work(bench)
                try checkAtRest(bench, workers)
                try checkEmptied(bench)
                returns += bench.returns.withLock { $0 }
                undecided += bench.undecided.withLock { $0 }
            }
            if lives > 1 { print("model: \(proof.tried) operations after \(life + 1) of \(lives) stores") }
        }
        let lost = proof.report("operations of 8 threads on one store, without grace")
        #expect(lost.isEmpty, "\(lost.prefix(5)), seed \(seed)")
        #expect(proof.tried >= lives * Self.rounds * Self.workers * Self.operationsPerRound)
        print("model: \(returns) deleted snapshots came back, \(undecided) checks found no quiet moment")
        #expect(returns > 0 && undecided < proof.count("checks"))
    }

    private func work(_ bench: ModelBench) throws -> [ModelWorker] {
        let pool = try WorkerPool(threads: Self.workers, queueMax: Self.workers)
        let done = Mutex<[ModelWorker]>([])
        for number in 0..<Self.workers {
            try pool.submit {
                var worker = ModelWorker(number, bench)
                try worker.run(Self.operationsPerRound)
                let end = worker
                done.withLock { $0.append(end) }
            }
        }
        try pool.wait()
        let workers = done.withLock { $0 }
        #expect(workers.count == Self.workers)
        return workers
    }

    /// Nobody works: everything that was acknowledged is there, byte for byte, and the counts are those of a recount.
    private func checkAtRest(_ bench: ModelBench, _ workers: [ModelWorker]) throws {
        let fixture = StoreFixture(store: try Store.open(path: bench.path, create: false))
        defer { fixture.store.close() }
        try fixture.store.settle(org: StoreFixture.org)
        let all = try fixture.store.snapshots(org: StoreFixture.org)
        for worker in workers {
            let lines = ModelWorker.lines(all.filter { $0.name == worker.name })
            bench.proof.check(lines == worker.own.lines, "\(worker.name): \(lines), not \(worker.own.lines)")
        }
        let shared = all.filter { $0.name == ModelBench.shared }
        var tags: [String: String] = [:]
        for snapshot in shared { for tag in snapshot.tags { tags[tag.tag] = snapshot.manifest.description } }
        let contents = Set(shared.map(\.manifest.description))
        for problem in bench.history.problems(tags: tags, contents: contents) { bench.proof.lose(problem) }
        bench.proof.check(all.count == shared.count + workers.reduce(0) { $0 + $1.own.records.count }, "nobody's names")
        for snapshot in all {
            let files = try fixture.files(of: snapshot)
            bench.proof.check(
                files == bench.pool.files(of: snapshot.manifest.description),
                "wrong bytes in \(snapshot.displayName)")
        }
        for problem in try fixture.problems() { bench.proof.lose(problem.message) }
        bench.proof.check(try fixture.store.statistics().sessions == 0, "a session is left")
    }

    /// Without snapshots nothing is left: no object, no pack, no session's file, and a ledger that adds up to nothing.
    private func checkEmptied(_ bench: ModelBench) throws {
        let fixture = StoreFixture(store: try Store.open(path: bench.path, create: false))
        for snapshot in try fixture.store.snapshots(org: StoreFixture.org) {
            try fixture.store.setProtected(false, id: snapshot.id, org: StoreFixture.org)
            try fixture.store.deleteSnapshot(id: snapshot.id, org: StoreFixture.org)
        }
        try fixture.collect()
        let left = try fixture.store.statistics()
        bench.proof.check(
            left.snapshots == 0 && left.packs == 0 && left.packBytes == 0 && left.objects == 0 && left.heldBytes == 0
                && left.condemnedBytes == 0 && left.sessions == 0, "garbage is left: \(left)")
        let forgotten = try fixture.store.deletedSnapshots(org: StoreFixture.org).isEmpty
        bench.proof.check(forgotten, "deleted snapshots are remembered")
        fixture.store.close()
        let files = try Command.run(
            "/usr/bin/find", [bench.path + "/packs", bench.path + "/sessions", "-type", "f"]
        ).output
        bench.proof.check(files.isEmpty, "files are left: \(files)")
        let catalogue = try Catalogue.open(directory: bench.path, create: false, disk: Disk())
        defer { catalogue.close() }
        let ledger = try catalogue.read { tx in
            try tx.orgs().flatMap { try tx.ledger(org: $0.id) }.map(\.bytes)
        }
        bench.proof.check(!ledger.isEmpty && ledger.reduce(0, +) == 0, "the ledger does not end at nothing")
    }
}
