import SnapCore
import SnapIO
import TestSupport
import Testing

/// Power cuts at every operation of a copy of a store, and of a store that is made of one.
@Suite struct BackupCutTests {
    private static let first: Set<String> = ["t:1"]
    private static let both: Set<String> = ["t:1", "t:2"]

    /// What was written, and how many operations there were at the end of each step.
    private struct Recording {
        let journal: [GateOperation]
        let stored: Int
        let backedUp: Int
        let committed: Int
        let backedUpAgain: Int
    }

    private let parent = TemporaryDirectory(in: "/dev/shm")

    /// A store, a backup of it, one more snapshot, the backup brought up to date, and a store made of that.
    private func record() throws -> Recording {
        let recorder = DiskRecorder()
        let disk = Disk(observer: recorder)
        let (root, copy) = (parent.file("store"), parent.file("b/copy"))
        GatedSQLite.attach(disk, directory: copy)
        defer { GatedSQLite.detach(directory: copy) }
        return try GatedSQLite.attached(disk, store: root) { disk in
            let fixture = StoreFixture(store: try Store.open(path: root, create: true, disk: disk))
            try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
            let stored = recorder.count
            _ = try fixture.store.backUp(to: copy)
            let backedUp = recorder.count
            try fixture.commit("t", tag: "2", files: ["a": [4, 5, 6]])
            let committed = recorder.count
            _ = try fixture.store.backUp(to: copy)
            let backedUpAgain = recorder.count
            fixture.store.close()
            _ = try Store.restore(backup: copy, to: parent.file("a/new"), disk: disk)
            return Recording(
                journal: recorder.journal, stored: stored, backedUp: backedUp, committed: committed,
                backedUpAgain: backedUpAgain)
        }
    }

    /// The tags of a store that is sound; nil where there is none.
    private func names(_ path: String, _ place: String) throws -> Set<String>? {
        Kernel.exists(path + "/FORMAT") ? try StoreFixture.tagsOfSound(path, place) : nil
    }

    /// Makes a store of a backup; nil where none was finished.
    private func restored(_ copy: String, to path: String, _ place: String) throws -> Set<String>? {
        do throws(StoreError) {
            _ = try Store.restore(backup: copy, to: path)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
        return try names(path, place)
    }

    @Test func aFirstBackupIsWholeOrNone() throws {
        try cut(first: \.stored, last: \.backedUp) { path, number, recording, place in
            let found = try restored(path + "/b/copy", to: path + "/first", place)
            #expect(found == Self.first || (found == nil && number < recording.backedUp), "\(place)")
        }
    }

    @Test func aLaterBackupIsWholeOrTheOneBefore() throws {
        try cut(first: \.committed, last: \.backedUpAgain) { path, number, recording, place in
            let found = try restored(path + "/b/copy", to: path + "/first", place)
            #expect(found == Self.both || (found == Self.first && number < recording.backedUpAgain), "\(place)")
            guard number % 3 == 0 else { return }
            // Repeated, it goes on.
            let store = try Store.open(path: path + "/store", create: false)
            try store.settle(org: StoreFixture.org)
            _ = try store.backUp(to: path + "/b/copy")
            store.close()
            let now = try names(path + "/store", place)
            #expect(try restored(path + "/b/copy", to: path + "/second", place) == now, "\(place)")
        }
    }

    @Test func aStoreMadeOfABackupIsWholeOrNone() throws {
        try cut(first: \.backedUpAgain, last: \.journal.count) { path, number, recording, place in
            let new = path + "/a/new"
            if number == recording.journal.count {
                #expect(try names(new, place) == Self.both, "\(place)")
                #expect(!Kernel.exists(StoreLayout(root: new).unfinishedRestoration), "\(place)")
            } else if try names(new, place) == nil {
                #expect(try restored(path + "/b/copy", to: new, place) == Self.both, "\(place)")
            }
        }
    }

    /// Calls `body` with what cuts leave at each operation of a step: the path, and how many operations there were.
    private func cut(
        first: KeyPath<Recording, Int>, last: KeyPath<Recording, Int>,
        _ body: (String, Int, Recording, String) throws -> Void
    ) throws {
        let recording = try record()
        let sweep = CutSweep(
            journal: recording.journal, parent: parent.path, seed: TestScale.seed("backups cut"),
            randoms: TestScale.factor, randomsAfterRename: 16 * TestScale.factor)
        let tried = try sweep.run(recording[keyPath: first]...recording[keyPath: last]) { path, number, place in
            try body(path, number, recording, place)
        }
        print("backup: \(tried) cuts")
        #expect(tried > 20)
    }
}
