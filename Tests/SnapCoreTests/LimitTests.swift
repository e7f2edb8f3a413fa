import SnapCore
import SnapIO
import SnapModel
import Synchronization
import TestSupport
import Testing

/// Large numbers of small things, and disks without room.
@Suite struct LimitTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open(_ hook: GateHook? = nil) throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: path, create: true, disk: Disk(observer: hook)))
    }

    @Test(arguments: [900, 1100]) func manyLabelsStopNobody(count: Int) throws {
        let fixture = try open()
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let manifest = try fixture.put(["a": [1]], session)
        var draft = SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory")
        draft.labels = (0..<count).map { SnapshotRecord.Label(key: "key\($0 + 10_000)", value: "") }
        _ = try? session.commit(draft)
        session.end()
        try fixture.commit("u", tag: "1", files: ["a": [2]])
        for snapshot in try fixture.store.snapshots(org: StoreFixture.org) {
            try fixture.store.deleteSnapshot(id: snapshot.id, org: StoreFixture.org)
        }
        try fixture.store.settle(org: StoreFixture.org)
        #expect(try fixture.names().isEmpty)
    }

    @Test func aSnapshotWithManyTagsIsDeleted() throws {
        let fixture = try open()
        let made = try fixture.commit("t", tag: "1", files: ["a": [1]])
        for number in 0..<1100 {
            _ = try fixture.store.setTag(
                org: StoreFixture.org, name: "t", tag: "n\(number)", to: made.record, ifMatch: nil, force: false)
        }
        try fixture.store.deleteSnapshot(id: made.record.id, org: StoreFixture.org)
        #expect(try fixture.names().isEmpty)
    }

    @Test func aFullDiskDoesNotKeepADeadSessionsStoreShut() throws {
        var generator = SeededGenerator(seed: 21)
        var made: CommitResult?
        do {
            let fixture = try open()
            made = try fixture.commit("t", tag: "1", files: ["a": generator.bytes(2000)])
            let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
            _ = try session.store(.chunk, generator.bytes(5000))
            try session.flush()
            // It dies here.
        }
        let full = GateHook { operation throws(IOError) in
            if case .transaction(let label) = operation, label != "open" {
                throw IOError(errno: 28, operation: "write", path: "catalog.sqlite-wal")
            }
        }
        let fixture = try open(full)
        let reader = try fixture.store.reader(org: StoreFixture.org)
        _ = try reader.read(ObjectKey(.manifest, try #require(made).record.manifest))
    }

    @Test func aCollectionWithoutRoomForABackupStillFrees() throws {
        var generator = SeededGenerator(seed: 22)
        let full = GateHook { operation throws(IOError) in
            switch operation {
            case .sync(let file) where file.contains("/backup/"):
                throw IOError(errno: 28, operation: "fsync", path: file)
            default: break
            }
        }
        let fixture = try open(full)
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(200_000)])
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        let result = try fixture.collect()
        #expect(result.freedBytes > 200_000)
        #expect(try Array(Kernel.names(inDirectory: path + "/backup")).isEmpty)
    }

    @Test func rewritingTakesTheRoomOfAFewPacksOnly() throws {
        var generator = SeededGenerator(seed: 23)
        let room = PackCount()
        let count = GateHook { operation in
            let change: Int
            switch operation {
            case .rename(_, let to) where to.hasSuffix(".pack"): change = 1
            case .unlink(let file) where file.hasSuffix(".pack"): change = -1
            default: return
            }
            room.add(change)
        }
        let fixture = try open(count)
        for number in 0..<10 {
            let kept = generator.bytes(50_000)
            try fixture.commit("a", tag: "\(number)", files: ["kept": kept, "own": generator.bytes(50_000)])
            try fixture.commit("b", tag: "\(number)", files: ["kept": kept])
        }
        for number in 0..<10 { _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "a", tag: "\(number)") }
        try fixture.store.settle(org: StoreFixture.org)
        let before = room.start()
        try fixture.collect()
        #expect(room.most <= before + 2)
        #expect(try fixture.problems().isEmpty)
    }
}

/// Pack files there are, and the most there were.
private final class PackCount: Sendable {
    private let counts = Mutex((now: 0, most: 0))

    func add(_ change: Int) {
        counts.withLock { counts in
            counts.now += change
            counts.most = max(counts.most, counts.now)
        }
    }

    func start() -> Int {
        counts.withLock { counts in
            counts.most = counts.now
            return counts.now
        }
    }

    var most: Int { counts.withLock { $0.most } }
}
