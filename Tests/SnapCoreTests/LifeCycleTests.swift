import SnapCore
import SnapIO
import SnapModel
import TestSupport
import Testing

/// What becomes of snapshots: protected, expired, deleted, back again, purged.
@Suite struct LifeCycleTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func open() throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: directory.file("store"), create: true))
    }

    private func expectSound(_ fixture: StoreFixture) throws {
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems)")
    }

    private func packCount(_ fixture: StoreFixture) throws -> Int { try fixture.store.statistics().packs }

    private func id(_ fixture: StoreFixture, _ name: String) throws -> RecordID {
        try #require(try fixture.store.snapshots(org: StoreFixture.org, name: name).first).id
    }

    private func deleteAndPurge(_ fixture: StoreFixture, _ name: String) throws -> PurgeResult {
        let id = try id(fixture, name)
        try fixture.store.deleteSnapshot(id: id, org: StoreFixture.org)
        return try fixture.store.purge(id, org: StoreFixture.org)
    }

    @Test func whatIsProtectedIsNotDeletedByAnyWay() throws {
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": [1]])
        let id = try id(fixture, "t")
        try fixture.store.setProtected(true, id: id, org: StoreFixture.org)
        try fixture.store.setExpires(milliseconds: 1, id: id, org: StoreFixture.org)
        let refused = #expect(throws: StoreError.self) {
            try fixture.store.deleteSnapshot(id: id, org: StoreFixture.org)
        }
        #expect(refused?.code == .preconditionFailed && refused?.hint?.contains("protect t:1 --off") == true)
        #expect(throws: StoreError.self) { try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1") }
        #expect(try fixture.collect().expiredSnapshots.isEmpty)
        #expect(try fixture.names() == ["t:1"])
        // A tag may move on; the snapshot stays.
        try fixture.commit("t", tag: "1", files: ["a": [2]], force: true)
        #expect(try fixture.names() == ["t:", "t:1"])
        try fixture.store.setProtected(false, id: id, org: StoreFixture.org)
        #expect(try fixture.collect().expiredSnapshots == [id.description])
        #expect(try fixture.names() == ["t:1"])
        try expectSound(fixture)
    }

    @Test func whatHasExpiredIsThereUntilACollectionAndCanComeBack() throws {
        let fixture = try open()
        for name in ["past", "future", "never"] { try fixture.commit(name, tag: "1", files: [name: [1, 2, 3]]) }
        let now = fixture.store.nowMilliseconds()
        try fixture.store.setExpires(milliseconds: now - 1, id: id(fixture, "past"), org: StoreFixture.org)
        try fixture.store.setExpires(milliseconds: now + 1_000_000, id: id(fixture, "future"), org: StoreFixture.org)
        var options = GCOptions()
        options.dryRun = true
        #expect(try fixture.store.collectGarbage(options).expiredSnapshots == ["past:1"])
        #expect(try fixture.names().count == 3)
        #expect(try fixture.store.collectGarbage().expiredSnapshots == ["past:1"])
        #expect(try fixture.names() == ["future:1", "never:1"])
        let deleted = try #require(try fixture.store.deletedSnapshots(org: StoreFixture.org).first)
        let back = try fixture.store.undelete(deleted, org: StoreFixture.org).snapshot
        #expect(back.expiresMilliseconds == nil)
        #expect(try fixture.store.collectGarbage().expiredSnapshots.isEmpty)
        #expect(try fixture.names().count == 3)
        try expectSound(fixture)
    }

    @Test func aDeletedSnapshotComesBackWithTheTagsThatAreFree() throws {
        let fixture = try open()
        let first = try fixture.commit("t", tag: "1", files: ["a": Array(repeating: 5, count: 20_000)]).record
        for tag in ["2", "3"] {
            _ = try fixture.store.setTag(
                org: StoreFixture.org, name: "t", tag: tag, to: first, ifMatch: nil, force: false)
        }
        try fixture.store.deleteSnapshot(id: first.id, org: StoreFixture.org)
        try fixture.commit("t", tag: "2", files: ["a": [2]])
        let deleted = try #require(try fixture.store.deletedSnapshots(org: StoreFixture.org).first)
        #expect(deleted.id == first.id && deleted.tags.map(\.tag) == ["1", "2", "3"])
        let back = try fixture.store.undelete(deleted, org: StoreFixture.org)
        #expect(back.snapshot.manifest == first.manifest && back.snapshot.uniqueBytes == first.uniqueBytes)
        #expect(back.snapshot.tags.map(\.tag) == ["1", "3"] && back.taken.map(\.tag) == ["2"])
        #expect(try fixture.store.deletedSnapshots(org: StoreFixture.org).isEmpty)
        try fixture.collect()
        try expectSound(fixture)
        // Past its grace nothing is remembered.
        try fixture.store.deleteSnapshot(id: back.snapshot.id, org: StoreFixture.org)
        try fixture.collect()
        #expect(try fixture.store.deletedSnapshots(org: StoreFixture.org).isEmpty)
    }

    @Test func aDeletedSnapshotComesBackOnce() throws {
        let fixture = try open()
        let made = try fixture.commit("t", tag: "1", files: ["a": Array(repeating: 5, count: 20_000)]).record
        _ = try fixture.store.setTag(
            org: StoreFixture.org, name: "other", tag: "x", to: made, ifMatch: nil, force: false)
        try fixture.store.deleteSnapshot(id: made.id, org: StoreFixture.org)
        let deleted = try #require(try fixture.store.deletedSnapshots(org: StoreFixture.org).first)
        let back = try fixture.store.undelete(deleted, org: StoreFixture.org)
        #expect(back.snapshot.tags.map(\.description) == ["t:1", "other:x"] && back.taken.isEmpty)
        // Somebody else looked at the same time.
        let refused = #expect(throws: StoreError.self) {
            try fixture.store.undelete(deleted, org: StoreFixture.org)
        }
        #expect(refused?.code == .preconditionFailed && refused?.message.contains("is back already") == true)
        #expect(try fixture.store.snapshots(org: StoreFixture.org).count == 1)
        try expectSound(fixture)
    }

    @Test func aPurgeFreesAtOnceWhatNobodyElseHolds() throws {
        var generator = SeededGenerator(seed: 4)
        let fixture = try open()
        let shared = generator.bytes(200_000)
        try fixture.commit("keep", tag: "1", files: ["shared": shared, "own": generator.bytes(50_000)])
        try fixture.commit("old", tag: "1", files: ["shared": shared, "old": generator.bytes(300_000)])
        try fixture.commit("go", tag: "1", files: ["shared": shared, "go": generator.bytes(400_000)])
        try fixture.store.deleteSnapshot(id: id(fixture, "old"), org: StoreFixture.org)
        let before = try fixture.store.statistics()
        let result = try deleteAndPurge(fixture, "go")
        #expect(result.freedBytes > 390_000 && result.keptObjects == 0)
        let after = try fixture.store.statistics()
        #expect(before.packBytes - after.packBytes == result.freedBytes)
        // What was deleted without a purge keeps its grace.
        let old = try #require(try fixture.store.deletedSnapshots(org: StoreFixture.org).first)
        #expect(try fixture.store.deletedSnapshots(org: StoreFixture.org).map(\.name) == ["old"])
        _ = try fixture.store.undelete(old, org: StoreFixture.org)
        #expect(try fixture.names() == ["keep:1", "old:1"])
        try expectSound(fixture)
    }

    @Test func whatAPurgeTookDoesNotComeBackByHalf() throws {
        var generator = SeededGenerator(seed: 5)
        let fixture = try open()
        let shared = generator.bytes(100_000)
        try fixture.commit("a", tag: "1", files: ["shared": shared, "a": generator.bytes(10_000)])
        try fixture.commit("b", tag: "1", files: ["shared": shared, "b": generator.bytes(10_000)])
        try fixture.store.deleteSnapshot(id: id(fixture, "a"), org: StoreFixture.org)
        _ = try deleteAndPurge(fixture, "b")
        let deleted = try #require(try fixture.store.deletedSnapshots(org: StoreFixture.org).first)
        let refused = #expect(throws: StoreError.self) {
            try fixture.store.undelete(deleted, org: StoreFixture.org)
        }
        #expect(refused?.code == .incomplete && refused?.message.contains("a:1 cannot come back") == true)
        #expect(try fixture.names().isEmpty)
        try expectSound(fixture)
        try fixture.collect()
        #expect(try fixture.store.statistics().packs == 0)
    }

    @Test func anOpenSessionKeepsWhatItMayUseFromAPurge() throws {
        var generator = SeededGenerator(seed: 6)
        let fixture = try open()
        let record = try fixture.commit("t", tag: "1", files: ["a": generator.bytes(100_000)]).record
        let reading = try fixture.store.beginReading(org: StoreFixture.org)
        let result = try deleteAndPurge(fixture, "t")
        #expect(result.deletedObjects == 0 && result.keptObjects > 0 && result.reasons.count == 1)
        _ = try reading.reader().read(ObjectKey(.manifest, record.manifest))
        reading.end()
        try fixture.collect()
        #expect(try packCount(fixture) == 0)
    }

    @Test func smallPacksAreMergedAndOnlyWhenThereAreSeveral() throws {
        var generator = SeededGenerator(seed: 7)
        let fixture = try open()
        var files: [String: [UInt8]] = [:]
        func commitNext(_ number: Int) throws {
            files["\(number)"] = generator.bytes(9_000)
            try fixture.commit("t", tag: "\(number)", files: files)
        }
        for number in 0..<7 { try commitNext(number) }
        try fixture.collect()
        #expect(try packCount(fixture) == 7)
        for number in 7..<12 { try commitNext(number) }
        try fixture.collect()
        let merged = try packCount(fixture)
        #expect(merged < 5)
        // Merged once, they are not merged again for a few more.
        for number in 12..<15 { try commitNext(number) }
        #expect(try fixture.collect().rewrittenPacks == 0)
        #expect(try packCount(fixture) == merged + 3)
        #expect(try fixture.names().count == 15)
        try expectSound(fixture)
    }

    /// A footer that cannot be read neither stops a collection nor keeps what is sound from being moved.
    @Test func aPackWithABrokenFooterIsRewritten() throws {
        var generator = SeededGenerator(seed: 8)
        let shared = generator.bytes(100_000)
        var fixture = try open()
        try fixture.commit("go", tag: "1", files: ["shared": shared, "go": generator.bytes(100_000)])
        try fixture.commit("keep", tag: "1", files: ["shared": shared])
        try fixture.store.deleteSnapshot(id: id(fixture, "go"), org: StoreFixture.org)
        fixture.store.close()
        let packs = try Command.run("/usr/bin/find", [directory.path, "-name", "*.pack", "-size", "+100k"]).output
        for file in packs.split(separator: "\n").map(String.init) {
            var bytes = try Kernel.readFile(file, limit: 1 << 30)
            bytes[bytes.count - 20] ^= 1
            try file.write(bytes)
        }
        fixture = try open()
        #expect(try fixture.collect().rewrittenPacks == 1)
        #expect(try fixture.names() == ["keep:1"])
        try expectSound(fixture)
    }

    /// Any order of what can be done to snapshots, against a dictionary.
    @Test func whateverIsDoneNothingIsLostAndNothingStays() throws {
        let rounds = 4 * TestScale.factor
        let seed = TestScale.seed("life cycle")
        var steps = 0
        for round in 0..<rounds {
            var generator = SeededGenerator(seed: seed &+ UInt64(round))
            let place = TemporaryDirectory(in: "/dev/shm")
            let fixture = StoreFixture(store: try Store.open(path: place.file("store"), create: true))
            var alive: [String: [String: [UInt8]]] = [:]
            var protected: Set<String> = []
            let pool = (0..<6).map { _ in generator.bytes(6_000) }
            for step in 0..<40 {
                steps += 1
                let name = alive.keys.sorted().randomElement(using: &generator)
                switch (Int.random(in: 0..<8, using: &generator), name) {
                case (1, let name?) where !protected.contains(name):
                    try fixture.store.deleteSnapshot(id: id(fixture, name), org: StoreFixture.org)
                    alive[name] = nil
                case (2, let name?):
                    let isOn = Bool.random(using: &generator)
                    try fixture.store.setProtected(isOn, id: id(fixture, name), org: StoreFixture.org)
                    if isOn { protected.insert(name) } else { protected.remove(name) }
                case (3, let name?) where !protected.contains(name):
                    _ = try deleteAndPurge(fixture, name)
                    alive[name] = nil
                case (4, let name?):
                    try fixture.store.setExpires(milliseconds: 1, id: id(fixture, name), org: StoreFixture.org)
                    var options = GCOptions()
                    if Bool.random(using: &generator) { options.graceMilliseconds = 0 }
                    let isKept = protected.contains(name)
                    #expect(try fixture.store.collectGarbage(options).expiredSnapshots.isEmpty == isKept)
                    if isKept {
                        try fixture.store.setExpires(milliseconds: nil, id: id(fixture, name), org: StoreFixture.org)
                    } else {
                        alive[name] = nil
                    }
                case (5, _):
                    try fixture.collect()
                case (6, _):
                    guard
                        let deleted = try fixture.store.deletedSnapshots(org: StoreFixture.org).randomElement(
                            using: &generator)
                    else { continue }
                    do throws(StoreError) {
                        _ = try fixture.store.undelete(deleted, org: StoreFixture.org)
                        alive[deleted.name] = [:]
                    } catch {
                        // A purge of another has taken some of it.
                        #expect(error.code == .incomplete, "seed \(seed), step \(step): \(error)")
                    }
                default:
                    let files = Dictionary(
                        (0..<3).map { _ in
                            ("\(Int.random(in: 0..<9, using: &generator))", pool.randomElement(using: &generator) ?? [])
                        }
                    ) { $1 }
                    try fixture.commit("s\(step)", tag: "1", files: files)
                    alive["s\(step)"] = files
                }
                #expect(try Set(fixture.names().map { String($0.dropLast(2)) }) == Set(alive.keys), "seed \(seed)")
            }
            try expectSound(fixture)
            for name in alive.keys {
                try fixture.store.setProtected(false, id: id(fixture, name), org: StoreFixture.org)
                try fixture.store.deleteSnapshot(id: id(fixture, name), org: StoreFixture.org)
            }
            try fixture.collect()
            try expectSound(fixture)
            #expect(try fixture.store.statistics().packs == 0, "seed \(seed)")
            fixture.store.close()
        }
        print("life cycle: \(steps) steps")
        #expect(steps == rounds * 40)
    }
}
