import SnapCore
import SnapIO
import Synchronization
import TestSupport
import Testing

/// Several writers on one store.
@Suite(.serialized) struct RaceTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private static let writers = 8
    /// Races for one tag, one after another: each wants to replace the winner of the last.
    private static let racesPerTag = 25

    /// Eight writers want one tag with different contents: one wins, the others take back what they counted, and nobody
    /// who looks meanwhile sees a snapshot that is half there.
    @Test func aTagHasOneWinner() throws {
        let seed = TestScale.seed("tag races")
        let races = 1_000 * min(TestScale.factor, 5)
        let course = try RaceCourse(path: directory.file("store"), writers: Self.writers, seed: seed)
        let polls = try course.whilePolling(threads: 2) {
            for race in 0..<races {
                try course.run(race, name: "race\(race / Self.racesPerTag)", isFirst: race % Self.racesPerTag == 0)
            }
        }
        try course.checkWinners(racesPerTag: Self.racesPerTag)
        let lost = course.proof.report("races of \(Self.writers) writers for one tag, \(polls) looks meanwhile")
        #expect(lost.isEmpty, "\(lost.prefix(5)), seed \(seed)")
        #expect(course.proof.count("races") == races && polls > races / 10)
    }

    /// Commits, deletes and collection at once lose nothing; at the end all garbage goes.
    @Test func commitsDeletesAndCollectionAtOnce() throws {
        let seed = TestScale.seed("races")
        let path = directory.file("busy")
        _ = try Store.open(path: path, create: true)
        let rounds = 15 * TestScale.factor
        let pool = try WorkerPool(threads: 5, queueMax: 8)
        for worker in 0..<3 {
            try pool.submit {
                let jobs = worker == 0 ? JobLimits.small : JobLimits()
                let fixture = StoreFixture(store: try Store.open(path: path, create: false, jobs: jobs))
                defer { fixture.store.close() }
                var generator = SeededGenerator(seed: seed &+ UInt64(worker))
                for round in 0..<rounds {
                    // Contents overlap between the workers, so that counts of shared objects go up and down.
                    var shared = SeededGenerator(seed: generator.next() % 4)
                    let files = ["shared": shared.bytes(20_000), "own": generator.bytes(3_000)]
                    try fixture.commit("w\(worker)", tag: "\(round)", files: files)
                    if round % 3 != 0 {
                        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "w\(worker)", tag: "\(round)")
                    }
                }
            }
        }
        for _ in 0..<2 {
            try pool.submit {
                let fixture = StoreFixture(store: try Store.open(path: path, create: false))
                defer { fixture.store.close() }
                for _ in 0..<rounds { try fixture.collect() }
            }
        }
        try pool.wait()
        let fixture = StoreFixture(store: try Store.open(path: path, create: false))
        try fixture.store.settle(org: StoreFixture.org)
        #expect(try fixture.names().count == 3 * ((rounds + 2) / 3))
        #expect(try fixture.problems().isEmpty)
        for snapshot in try fixture.store.snapshots(org: StoreFixture.org) {
            try fixture.store.deleteSnapshot(id: snapshot.id, org: StoreFixture.org)
        }
        try fixture.collect()
        let left = try fixture.store.statistics()
        #expect(left.packs == 0 && left.objects == 0 && left.heldBytes == 0 && left.condemnedBytes == 0)
    }
}
