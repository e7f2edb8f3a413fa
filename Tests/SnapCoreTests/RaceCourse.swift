import SnapCore
import SnapDigest
import SnapIO
import Synchronization
import TestSupport

/// Writers that race for a tag, each with a store of its own as a process would have it, and others who look on.
final class RaceCourse: Sendable {
    let proof: Proof
    private let path: String
    private let fixtures: [StoreFixture]
    private let pool: WorkerPool
    private let shared: [UInt8]
    /// What each content that was ever put must hold, and in which race.
    private let known = Mutex<[Digest: (files: [String: [UInt8]], race: Int)]>([:])
    /// The race that is run, its name, and the winner so far.
    private let state = Mutex((race: 0, name: "", winner: Digest?.none))
    private let winners = Mutex<[(name: String, manifest: Digest)]>([])

    init(path: String, writers: Int, seed: UInt64) throws {
        self.path = path
        proof = Proof("P2", seed: seed)
        var generator = SeededGenerator(seed: seed)
        shared = generator.bytes(3_000)
        // Some take several steps, so that others go on with what they have begun.
        fixtures = try (0..<writers).map { writer in
            StoreFixture(
                store: try Store.open(path: path, create: true, jobs: writer % 2 == 0 ? .small : JobLimits()))
        }
        pool = try WorkerPool(threads: writers, queueMax: writers)
    }

    deinit { for fixture in fixtures { fixture.store.close() } }

    /// One race for the tag `t` of `name`, which must not exist when it `isFirst`, and is to be replaced otherwise.
    func run(_ race: Int, name: String, isFirst: Bool) throws {
        let before = isFirst ? nil : state.withLock { $0.winner }
        state.withLock { $0 = (race, name, before) }
        let start = StartLine(fixtures.count)
        let won = Mutex<[CommitResult]>([])
        for (writer, fixture) in fixtures.enumerated() {
            try pool.submit { [self] in
                let result = try enter(race, writer, fixture, name: name, before: before, start)
                if let result { won.withLock { $0.append(result) } }
            }
        }
        try pool.wait()
        proof.note("races")
        let results = won.withLock { $0 }
        proof.check(results.count == 1, "race \(race) had \(results.count) winners")
        guard let winner = results.first else { return }
        proof.check(
            winner.isNew && winner.replaced == before, "race \(race) replaced \(String(describing: winner.replaced))")
        let now = try fixtures[0].store.snapshot(org: StoreFixture.org, name: name, tag: "t")
        proof.check(now?.id == winner.record.id, "race \(race): the tag names another than the winner")
        state.withLock { $0.winner = winner.record.manifest }
        winners.withLock { $0.append((name, winner.record.manifest)) }
    }

    /// What a writer that wins is answered; nil for the others.
    private func enter(
        _ race: Int, _ writer: Int, _ fixture: StoreFixture, name: String, before: Digest?, _ start: StartLine
    ) throws -> CommitResult? {
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        defer { session.end() }
        let files = [
            "own": Array("race \(race), writer \(writer): long enough to be a chunk of its own, as all are".utf8),
            "shared": shared,
        ]
        let manifest = try fixture.put(files, session)
        known.withLock { $0[manifest] = (files, race) }
        var draft = SnapshotDraft(name: name, tag: "t", manifest: manifest, kind: "directory")
        draft.ifMatch = before.map { .manifest($0.description) } ?? SnapshotDraft.Match.none
        start.wait()
        do throws(StoreError) {
            return try session.commit(draft)
        } catch {
            guard error.code == .preconditionFailed else { throw error }
            return nil
        }
    }

    /// Runs `body` while others look at what is published, over and over. Returns how often they did.
    func whilePolling(threads: Int, _ body: () throws -> Void) throws -> Int {
        let isOver = Mutex(false)
        let polls = Mutex(0)
        let pollers = try WorkerPool(threads: threads, queueMax: threads)
        for _ in 0..<threads {
            try pollers.submit { [self] in
                let fixture = StoreFixture(store: try Store.open(path: path, create: false))
                defer { fixture.store.close() }
                var last = 0
                while !isOver.withLock({ $0 }) {
                    try poll(fixture, &last)
                    polls.withLock { $0 += 1 }
                    Kernel.sleep(milliseconds: 20)
                }
            }
        }
        let outcome = Result { try body() }
        isOver.withLock { $0 = true }
        try pollers.wait()
        try outcome.get()
        return polls.withLock { $0 }
    }

    /// A look at the tag that is raced for: whole, no older than the last one seen; and what is listed was put.
    private func poll(_ fixture: StoreFixture, _ last: inout Int) throws {
        let (race, name) = state.withLock { ($0.race, $0.name) }
        let listed = try fixture.store.snapshots(org: StoreFixture.org, name: name)
        for snapshot in listed {
            proof.check(known.withLock { $0[snapshot.manifest] != nil }, "\(snapshot.id) is nobody's")
        }
        let tagged = try fixture.store.snapshot(org: StoreFixture.org, name: name, tag: "t")
        proof.check(tagged != nil || listed.isEmpty, "\(name):t is gone")
        for snapshot in [tagged, listed.first].compactMap({ $0 }) {
            let must = known.withLock { $0[snapshot.manifest] }
            do throws(any Error) {
                let files = try fixture.files(of: snapshot)
                proof.check(files == must?.files, "\(snapshot.id) is half there, or has wrong bytes")
            } catch {
                proof.lose("\(snapshot.id) is half there: \(error)")
            }
        }
        guard let tagged, let seen = known.withLock({ $0[tagged.manifest]?.race }) else { return }
        proof.check(seen >= last, "the winner of race \(seen) was seen after that of race \(last)")
        proof.check(seen >= race - 1 || listed.isEmpty, "race \(race - 1) is over, and the tag names race \(seen)")
        last = max(last, seen)
    }

    /// Nobody races: the winners are there, nothing of the others is, and all is sound.
    func checkWinners(racesPerTag: Int) throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: false))
        defer { fixture.store.close() }
        let all = try fixture.store.snapshots(org: StoreFixture.org)
        let won = winners.withLock { $0 }
        proof.check(
            Set(all.map { "\($0.name) \($0.manifest)" }) == Set(won.map { "\($0.name) \($0.manifest)" })
                && all.count == won.count, "the snapshots are not those of the winners")
        for (number, winner) in won.enumerated() where (number + 1).isMultiple(of: racesPerTag) {
            let tagged = try fixture.store.snapshot(org: StoreFixture.org, name: winner.name, tag: "t")
            proof.check(tagged?.manifest == winner.manifest, "\(winner.name):t is not its last winner's")
        }
        for problem in try fixture.problems() { proof.lose(problem.message) }
        try fixture.collect()
        for problem in try fixture.problems() { proof.lose("after a collection: \(problem.message)") }
        let left = try fixture.store.statistics()
        proof.check(left.condemnedBytes == 0 && left.sessions == 0, "something of the losers is left: \(left)")
    }

    /// Holds back those who come until all are there.
    private final class StartLine: Sendable {
        private let missing: Atomic<Int>

        init(_ count: Int) { missing = Atomic(count) }

        func wait() {
            missing.subtract(1, ordering: .acquiringAndReleasing)
            while missing.load(ordering: .acquiring) > 0 { Kernel.sleep(milliseconds: 1) }
        }
    }
}
