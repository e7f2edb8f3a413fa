import SnapCore
import SnapIO
import SnapPacks
import Synchronization
import TestSupport
import Testing

/// A backup is the store of one moment, whatever others do while it is made.
@Suite struct BackupTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }
    private var backup: String { directory.file("backup") }

    private func open() throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: path, create: true))
    }

    /// The store that the backup is of, opened and checked.
    private func restored(_ name: String) throws -> StoreFixture {
        let path = directory.file(name)
        let result = try Store.restore(backup: backup, to: path)
        #expect(result.damage.isEmpty, "\(result.damage)")
        let fixture = StoreFixture(store: try Store.open(path: path, create: false))
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(name): \(problems)")
        return fixture
    }

    /// What another process does once the catalogue is copied and before the first pack is.
    private func backUp(_ fixture: StoreFixture, meanwhile: @escaping @Sendable () throws -> Void) throws
        -> BackupResult
    {
        let once = Once()
        var options = BackupOptions()
        options.step = { _, _ in if once.take() { try meanwhile() } }
        return try fixture.store.backUp(to: backup, options)
    }

    @Test func whatIsDeletedAndRewrittenMeanwhileIsInTheCopy() throws {
        var generator = SeededGenerator(seed: 1)
        let (fixture, other) = (try open(), try open())
        let (kept, gone) = (generator.bytes(400_000), generator.bytes(400_000))
        try fixture.commit("t", tag: "kept", files: ["a": kept, "b": gone])
        try fixture.commit("t", tag: "gone", files: ["b": generator.bytes(300_000)])
        try fixture.commit("t", tag: "small", files: ["a": kept])
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "kept")
        let during = Mutex<GCResult?>(nil)
        let result = try backUp(fixture) {
            // Both a pack without anything in use and one with a part of it.
            _ = try other.store.deleteTag(org: StoreFixture.org, name: "t", tag: "gone")
            try other.commit("t", tag: "new", files: ["c": [UInt8](repeating: 7, count: 5_000)])
            let collected = try other.collect()
            during.withLock { $0 = collected }
        }
        #expect(result.damage.isEmpty && result.snapshots == 2, "\(result)")
        let collected = try #require(during.withLock { $0 })
        #expect(collected.reasons.contains("A backup is under way: until it has ended, all packs stay."))
        #expect(collected.freedBytes == 0 && collected.deletedObjects > 0, "\(collected)")
        let copy = try restored("copy")
        #expect(try copy.names() == ["t:gone", "t:small"])
        for snapshot in try copy.store.snapshots(org: StoreFixture.org) where snapshot.tags.map(\.tag) == ["small"] {
            #expect(try copy.files(of: snapshot) == ["a": kept])
        }
        // Afterwards it all goes, and the next backup forgets it, too.
        #expect(try other.collect().freedBytes > 500_000)
        let next = try fixture.store.backUp(to: backup)
        #expect(next.removedPacks > 0 && next.packBytes < result.packBytes - 500_000, "\(next)")
        #expect(try restored("next").names() == ["t:small", "t:new"])
        #expect(try fixture.problems().isEmpty)
    }

    @Test func aPurgeMeanwhileTakesNoPackAway() throws {
        var generator = SeededGenerator(seed: 2)
        let (fixture, other) = (try open(), try open())
        let made = try fixture.commit("t", tag: "1", files: ["a": generator.bytes(200_000)])
        let result = try backUp(fixture) {
            try other.store.deleteSnapshot(id: made.record.id, org: StoreFixture.org)
            let purged = try other.store.purge(made.record.id, org: StoreFixture.org)
            #expect(purged.freedBytes == 0 && purged.deletedObjects > 0)
        }
        #expect(result.damage.isEmpty)
        #expect(try restored("copy").names() == ["t:1"])
    }

    /// What a session is writing, and has not committed, is not in the copy; nor does it trouble it.
    @Test func whatIsNotCommittedIsLeftOut() throws {
        var generator = SeededGenerator(seed: 3)
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(30_000)])
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        _ = try fixture.put(["b": generator.bytes(100_000)], session)
        try session.flush()
        let result = try fixture.store.backUp(to: backup)
        #expect(result.packs == 1 && result.snapshots == 1)
        #expect(try restored("copy").names() == ["t:1"])
        session.end()
    }

    @Test func aSecondBackupCopiesWhatIsNew() throws {
        var generator = SeededGenerator(seed: 4)
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(300_000)])
        let first = try fixture.store.backUp(to: backup)
        #expect(first.copiedPacks == first.packs && first.copiedBytes == first.packBytes && first.packBytes > 300_000)
        let same = try fixture.store.backUp(to: backup)
        #expect(same.copiedPacks == 0 && same.copiedBytes == 0 && same.packs == first.packs)
        try fixture.commit("t", tag: "2", files: ["b": generator.bytes(1_000)])
        let second = try fixture.store.backUp(to: backup)
        #expect(second.copiedPacks == 1 && second.copiedBytes < 10_000 && second.snapshots == 2)
        #expect(try restored("copy").names() == ["t:1", "t:2"])
    }

    /// While somebody works in a directory, nobody else makes a store of it, or there.
    @Test func aDirectoryInUseIsLeftAlone() throws {
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        _ = try fixture.store.backUp(to: backup)
        func isBusy(_ used: String) throws -> Bool {
            let other = try Kernel.open(used, [.readOnly, .directory])
            #expect(try Kernel.tryLock(other))
            let error = #expect(throws: StoreError.self) {
                try Store.restore(backup: backup, to: directory.file("new"))
            }
            return error?.code == .busy
        }
        #expect(try isBusy(backup))
        try Disk().makeDirectory(directory.file("new"), mode: 0o700)
        #expect(try isBusy(directory.file("new")))
        #expect(try restored("new").names() == ["t:1"])
    }

    /// A backup that died does not keep collections from their work for ever.
    @Test func anotherBackupAtOnceIsRefused() throws {
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        let (store, backup) = (fixture.store, backup)
        let result = try backUp(fixture) {
            #expect {
                try store.backUp(to: backup)
            } throws: {
                ($0 as? StoreError)?.code == .busy
            }
        }
        #expect(result.snapshots == 1)
        #expect(try fixture.store.health().sessions.isEmpty)
        #expect(try Array(Kernel.names(inDirectory: path + "/sessions")).isEmpty)
    }
}
