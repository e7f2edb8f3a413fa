import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import Synchronization
import TestSupport
import Testing

/// Runs a closure, or fails, before chosen durable operations.
final class GateHook: GateObserver {
    private let body: Mutex<(@Sendable (GateOperation) throws(IOError) -> Void)?>

    init(_ body: @escaping @Sendable (GateOperation) throws(IOError) -> Void) {
        self.body = Mutex(body)
    }

    var wantsBytes: Bool { false }
    func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        let body = body.withLock { $0 }
        try body?(operation)
    }
    func didPass(_ number: Int, _ operation: GateOperation) {}
}

/// True once.
final class Once: Sendable {
    private let isDone = Mutex(false)
    func take() -> Bool {
        isDone.withLock { done in
            defer { done = true }
            return !done
        }
    }
}

/// What another process does at the worst moment.
@Suite struct InterleavingTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open(_ hook: GateHook? = nil) throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: path, create: true, disk: Disk(observer: hook)))
    }

    private func expectSound(_ fixture: StoreFixture) throws {
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems.prefix(5)) of \(problems.count)")
    }

    @Test func aStoreThatStaysOpenReadsWhatIsWrittenAfterACollection() throws {
        var generator = SeededGenerator(seed: 11)
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(30_000)])
        try expectSound(fixture)
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        try fixture.collect()
        try fixture.commit("t", tag: "2", files: ["b": generator.bytes(50_000)])
        try expectSound(fixture)
        #expect(try fixture.names() == ["t:2"])
    }

    @Test func twoCollectionsAtOnceTakeNothingForDamaged() throws {
        var generator = SeededGenerator(seed: 12)
        let shared = generator.bytes(6_000_000)
        let (other, once, path) = (try open(), Once(), path)
        try other.commit("t", tag: "1", files: ["a": shared, "b": generator.bytes(2_000_000)])
        try other.commit("t", tag: "2", files: ["a": shared])
        _ = try other.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        let hook = GateHook { operation in
            guard case .createFile(let file) = operation, file.hasSuffix(".pack.new"), once.take() else { return }
            // The second collection overtakes the first while that copies.
            let second = try? Store.open(path: path, create: false)
            if let second { _ = try? StoreFixture(store: second).collect() }
        }
        let first = try open(hook)
        try first.collect()
        #expect(once.take() == false)
        try expectSound(try open())
    }

    @Test func aSessionThatEndsAfterAFailureLeavesWhatAnotherCommittedForIt() throws {
        var generator = SeededGenerator(seed: 13)
        let other = try open()
        let (failed, settled) = (Once(), Once())
        let hook = GateHook { operation throws(IOError) in
            if case .transaction("job") = operation, failed.take() {
                throw IOError(errno: 5, operation: "fsync", path: "catalog.sqlite-wal")
            }
            // Between the packs of the session being dropped, somebody settles its job.
            if case .unlink(let file) = operation, file.hasSuffix(".pack"), settled.take() {
                _ = try? other.store.settle(org: StoreFixture.org)
            }
        }
        let fixture = try open(hook)
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        _ = try session.store(.chunk, generator.bytes(50_000))
        try session.flush()
        let manifest = try fixture.put(["a": generator.bytes(20_000)], session)
        #expect(throws: StoreError.self) {
            try session.commit(SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory"))
        }
        session.end()
        try other.store.settle(org: StoreFixture.org)
        // Another process, which has read nothing yet.
        try expectSound(try open())
        try other.commit("u", tag: "1", files: ["a": generator.bytes(100)])
        try other.collect()
        try expectSound(try open())
    }

    @Test func aDamagedPackOfADeadSessionStopsNobody() throws {
        var generator = SeededGenerator(seed: 14)
        let before = Set(try packFiles())
        do {
            let failed = Once()
            let fixture = try open(
                GateHook { operation throws(IOError) in
                    if case .transaction("job") = operation, failed.take() {
                        throw IOError(errno: 5, operation: "fsync", path: "catalog.sqlite-wal")
                    }
                })
            let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
            let manifest = try fixture.put(["a": generator.bytes(20_000)], session)
            #expect(throws: StoreError.self) {
                try session.commit(SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory"))
            }
            // It dies here, with its commit queued.
        }
        let pack = try #require(Set(try packFiles()).subtracting(before).first)
        var bytes = try Kernel.readFile(pack, limit: 1 << 30)
        bytes[bytes.count - 60] ^= 1
        try pack.write(bytes)
        let fixture = try open()
        try fixture.commit("u", tag: "1", files: ["a": generator.bytes(1000)])
        #expect(try fixture.names() == ["u:1"])
    }

    @Test func aCountThatIsTooLowStopsNobody() throws {
        var generator = SeededGenerator(seed: 15)
        let fixture = try open()
        let first = try fixture.commit("t", tag: "1", files: ["a": generator.bytes(20_000)])
        try CatalogueEdit(path).setRefs(ObjectKey(.manifest, first.record.manifest), to: 0)
        try fixture.store.deleteSnapshot(id: first.record.id, org: StoreFixture.org)
        try fixture.commit("u", tag: "1", files: ["a": generator.bytes(1000)])
        #expect(try fixture.names() == ["u:1"])
    }

    private func packFiles() throws -> [String] {
        guard Kernel.exists(path + "/packs") else { return [] }
        return try Command.run("/usr/bin/find", [path + "/packs", "-name", "*.pack"]).output.split(separator: "\n").map(
            String.init)
    }

    @Test func manyMakeAStoreAtOnce() throws {
        for round in 0..<10 {
            let path = directory.file("new\(round)")
            let pool = try WorkerPool(threads: 8, queueMax: 8)
            let identities = Mutex<Set<String>>([])
            for _ in 0..<8 {
                try pool.submit {
                    let store = try Store.open(path: path, create: true)
                    defer { store.close() }
                    identities.withLock { _ = $0.insert(store.storeID) }
                }
            }
            try pool.wait()
            #expect(identities.withLock { $0.count } == 1)
        }
    }

    @Test func aRestoreReadsOnWhenItsSnapshotIsDeleted() throws {
        var generator = SeededGenerator(seed: 16)
        let fixture = try open()
        let made = try fixture.commit("t", tag: "1", files: ["a": generator.bytes(20_000)])
        let session = try fixture.store.beginSession(.restore, org: StoreFixture.org)
        defer { session.end() }
        try fixture.store.deleteSnapshot(id: made.record.id, org: StoreFixture.org)
        try fixture.store.settle(org: StoreFixture.org)
        try fixture.collect()
        _ = try session.reader().read(ObjectKey(.manifest, made.record.manifest))
        // Nobody else sees it any more.
        #expect(throws: StoreError.self) {
            try fixture.store.reader(org: StoreFixture.org).read(ObjectKey(.manifest, made.record.manifest))
        }
    }
}
