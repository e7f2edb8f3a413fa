import SnapCore
import SnapDigest
import SnapIO
import Synchronization
import TestSupport
import Testing

/// A lost catalogue is made anew: from a backup, whatever was going on when it was taken and has happened since, and
/// from packs alone.
@Suite struct RebuildTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open(disk: Disk = Disk()) throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: path, create: true, disk: disk))
    }

    private func expectSound(_ fixture: StoreFixture) throws {
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems)")
    }

    private func loseCatalogue() throws {
        for suffix in ["", "-wal", "-shm"] { TemporaryDirectory.removeAll(path + "/catalog.sqlite" + suffix) }
    }

    /// What a rebuild must bring back of every snapshot.
    private func snapshots(_ fixture: StoreFixture) throws -> Set<[String]> {
        Set(
            try fixture.store.snapshots(org: StoreFixture.org).map {
                [
                    $0.id.description, $0.name, $0.tags.map(\.tag).joined(separator: ","), $0.manifest.description,
                    "\($0.logicalBytes) \($0.fileCount) \($0.uniqueBytes) \($0.newBytes)",
                ]
            })
    }

    /// Loses the catalogue, makes it anew and expects all snapshots in a sound store.
    ///
    /// - Parameter lost: Snapshots of the backup that have been deleted and collected since.
    private func expectRebuilt(
        _ fixture: StoreFixture, lost: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try snapshots(fixture)
        fixture.store.close()
        try loseCatalogue()
        let result = try Store.rebuildCatalogue(path: path, adopt: false)
        #expect(result.backupMilliseconds != nil, sourceLocation: sourceLocation)
        #expect(result.lost == lost, sourceLocation: sourceLocation)
        let rebuilt = try open()
        #expect(try snapshots(rebuilt) == before, sourceLocation: sourceLocation)
        try expectSound(rebuilt)
        try rebuilt.collect()
        try expectSound(rebuilt)
        #expect(try snapshots(rebuilt) == before, sourceLocation: sourceLocation)
        rebuilt.store.close()
    }

    @Test func aLostCatalogueComesBackFromBackupAndPacks() throws {
        var generator = SeededGenerator(seed: 3)
        let files = (0..<4).map { _ in ["a": generator.bytes(40_000)] }
        var fixture = try open()
        try fixture.commit("t", tag: "0", files: files[0])
        try fixture.commit("t", tag: "1", files: files[1])
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "0")
        // Takes the backup; what comes after is only in packs.
        try fixture.collect()
        try fixture.commit("t", tag: "2", files: files[2])
        let before = try fixture.names()
        fixture.store.close()
        try loseCatalogue()
        #expect {
            try Store.open(path: path, create: true)
        } throws: { ($0 as? StoreError)?.code == .notFound }
        let result = try Store.rebuildCatalogue(path: path, adopt: false)
        #expect(result.backupMilliseconds != nil)
        fixture = try open()
        #expect(try fixture.names() == before)
        try expectSound(fixture)
        try fixture.commit("t", tag: "3", files: files[3])
        try fixture.collect()
        try expectSound(fixture)
    }

    @Test func withoutABackupTheSnapshotsFoundAreListedAndAdopted() throws {
        var generator = SeededGenerator(seed: 4)
        var fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(40_000)])
        try fixture.commit("u", tag: "x", files: ["b": generator.bytes(90_000), "c": []])
        let before = try fixture.names()
        fixture.store.close()
        try loseCatalogue()
        let found = try Store.rebuildCatalogue(path: path, adopt: false)
        #expect(Set(found.candidates) == ["local/t:1", "local/u:x"])
        #expect(!Kernel.exists(path + "/catalog.sqlite"))
        _ = try Store.rebuildCatalogue(path: path, adopt: true)
        fixture = try open()
        #expect(try fixture.names() == before)
        try expectSound(fixture)
    }

    @Test func whatACollectionMovedSinceTheBackupIsFoundAgain() throws {
        var generator = SeededGenerator(seed: 5)
        let (kept, gone) = (generator.bytes(300_000), generator.bytes(300_000))
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": gone, "b": kept])
        try fixture.commit("t", tag: "2", files: ["b": kept])
        try fixture.collect()
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        #expect(try fixture.collect().rewrittenPacks > 0)
        try expectRebuilt(fixture, lost: ["local/t:1"])
    }

    @Test func contentThatTheBackupKnowsAsLetGoIsFoundInItsNewPacks() throws {
        var generator = SeededGenerator(seed: 6)
        let files = ["a": generator.bytes(100_000)]
        let fixture = try open()
        try fixture.commit("gone", tag: "1", files: files)
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "gone", tag: "1")
        // The backup is taken within the grace period.
        _ = try fixture.store.collectGarbage()
        #expect(try fixture.collect().deletedPacks > 0)
        try fixture.commit("again", tag: "1", files: files)
        try expectRebuilt(fixture)
    }

    @Test func whatWasUploadedWhenTheBackupWasTakenIsNotRemoved() throws {
        var generator = SeededGenerator(seed: 7)
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(10_000)])
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let manifest = try fixture.put(["b": generator.bytes(100_000)], session)
        try session.flush()
        try fixture.collect()
        var draft = SnapshotDraft(name: "late", tag: "1", manifest: manifest, kind: "directory")
        (draft.fileCount, draft.logicalBytes) = (1, 100_000)
        _ = try session.commit(draft)
        try expectRebuilt(fixture)
    }

    /// At the gate of the first and of later transactions that count references.
    @Test(arguments: 1...3) func aCommitThatWasUnderWayWhenTheBackupWasTakenIsThere(batch: Int) throws {
        var generator = SeededGenerator(seed: 8)
        let copier = BackupAtGate(store: path, label: "job", number: batch)
        let fixture = try open(disk: Disk(observer: copier))
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(10_000)])
        copier.arm()
        // Two thousand chunks: more than two transactions count.
        try fixture.commit("large", tag: "1", files: ["b": generator.bytes(2000 * 4096)])
        #expect(copier.hasCopied)
        try copier.write()
        try expectRebuilt(fixture)
    }
}

/// Takes a copy of the catalogue at a gate, as a backup by another process would.
private final class BackupAtGate: GateObserver {
    private let store: String
    private let label: String
    private let number: Int
    private let state = Mutex((isArmed: false, seen: 0, copies: [String: [UInt8]]()))

    init(store: String, label: String, number: Int) {
        self.store = store
        self.label = label
        self.number = number
    }

    func arm() { state.withLock { $0.isArmed = true } }

    var hasCopied: Bool { state.withLock { !$0.copies.isEmpty } }
    var wantsBytes: Bool { false }
    func didPass(_ number: Int, _ operation: GateOperation) {}

    func willPass(_ number: Int, _ operation: GateOperation) {
        guard operation == .transaction(label) else { return }
        state.withLock { state in
            guard state.isArmed else { return }
            state.seen += 1
            guard state.seen == self.number else { return }
            for suffix in ["", "-wal"] {
                state.copies[suffix] = try? Kernel.readFile(store + "/catalog.sqlite" + suffix, limit: 1 << 30)
            }
        }
    }

    /// Makes one file of the copy, among the backups.
    func write() throws {
        let copy = store + "/copy.sqlite"
        for (suffix, bytes) in state.withLock({ $0.copies }) { try (copy + suffix).write(bytes) }
        let program = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('VACUUM INTO ?', [sys.argv[2]])"
        let done = try Command.run(
            "/usr/bin/env", ["python3", "-c", program, copy, store + "/backup/catalogue-1.sqlite"])
        #expect(done.status == 0, "\(done.errors)")
        for suffix in ["", "-wal", "-shm"] { TemporaryDirectory.removeAll(copy + suffix) }
    }
}
