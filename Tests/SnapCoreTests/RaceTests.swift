import SnapCore
import SnapIO
import Synchronization
import TestSupport
import Testing

/// Several writers on one store.
@Suite(.serialized) struct RaceTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// Eight writers want one new tag with different contents: one wins, the others take back what they counted.
    @Test func aTagHasOneWinner() throws {
        let races = 10 * TestScale.factor
        let path = directory.file("store")
        _ = try Store.open(path: path, create: true)
        var won = 0
        for race in 0..<races {
            let wins = Mutex(0)
            let pool = try WorkerPool(threads: 8, queueMax: 8)
            for writer in 0..<8 {
                try pool.submit {
                    let fixture = StoreFixture(store: try Store.open(path: path, create: false))
                    defer { fixture.store.close() }
                    let files = [
                        "a": Array("race \(race) writer \(writer), long enough to be a chunk of its own, surely".utf8)
                    ]
                    do {
                        try fixture.commit("t", tag: "\(race)", files: files, ifMatch: SnapshotDraft.Match.none)
                        wins.withLock { $0 += 1 }
                    } catch let error as StoreError where error.code == .preconditionFailed {}
                }
            }
            try pool.wait()
            #expect(wins.withLock { $0 } == 1)
            won += wins.withLock { $0 }
        }
        let fixture = StoreFixture(store: try Store.open(path: path, create: false))
        #expect(try fixture.names().count == races)
        #expect(try fixture.problems().isEmpty)
        try fixture.collect()
        #expect(try fixture.problems().isEmpty)
        print("tag races: \(races), one winner each: \(won)")
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
                let fixture = StoreFixture(store: try Store.open(path: path, create: false))
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
