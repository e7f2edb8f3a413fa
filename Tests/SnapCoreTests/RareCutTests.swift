import SnapCatalogue
import SnapCore
import SnapIO
import TestSupport
import Testing

/// Power cuts while something rare is done: a store made below directories that are not there yet, a backup, a rebuild.
@Suite struct RareCutTests {
    private let parent = TemporaryDirectory(in: "/dev/shm")

    /// Runs `body` with every durable operation below `root` recorded, those of SQLite included.
    private func recorded(_ root: String, _ body: (Disk, DiskRecorder) throws -> Void) throws -> [GateOperation] {
        let recorder = DiskRecorder()
        try GatedSQLite.attached(Disk(observer: recorder), store: root) { try body($0, recorder) }
        return recorder.journal
    }

    /// Writes out what a cut has left, and calls `body` with the place of the store there.
    private func after(
        _ image: SimulatedDisk.Image, store: String = "/store", _ body: (String) throws -> Void
    ) throws {
        let target = TemporaryDirectory(in: "/dev/shm")
        try image.write(to: target.path)
        try body(target.path + store)
    }

    /// Opens what a cut has left, and expects just these snapshots, with nothing for a full check to find.
    private func expectSound(_ path: String, names: Set<String>, _ place: String) {
        do {
            let found = try StoreFixture.tagsOfSound(path, place)
            #expect(found == names, "\(found) at \(place)")
        } catch {
            Issue.record("\(error) at \(place)")
        }
    }

    /// What a cut leaves of all that was synced when it comes after the last operation.
    private func end(of journal: [GateOperation]) -> SimulatedDisk.Image {
        var disk = SimulatedDisk(with: parent.path)
        for operation in journal { disk.replay(operation) }
        return disk.image(.nothingUnsynced, below: parent.path)
    }

    @Test func aNewStoreBelowNewDirectories() throws {
        let root = parent.file("a/b/store")
        let journal = try recorded(root) { disk, _ in
            let fixture = StoreFixture(store: try Store.open(path: root, create: true, disk: disk))
            try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
            fixture.store.close()
        }
        try after(end(of: journal), store: "/a/b/store") { path in
            expectSound(path, names: ["t:1"], "the end")
        }
    }

    /// A backup that was taken is whole, and a catalogue can be made of it.
    @Test func aBackup() throws {
        let root = parent.file("store")
        let journal = try recorded(root) { disk, _ in
            let fixture = StoreFixture(store: try Store.open(path: root, create: true, disk: disk))
            try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
            try fixture.collect()
            fixture.store.close()
        }
        try after(end(of: journal)) { path in
            let backups = try Kernel.names(inDirectory: path + "/backup").map { String(decoding: $0, as: UTF8.self) }
            #expect(backups.count == 1 && backups.allSatisfy { $0.hasSuffix(".sqlite") }, "\(backups)")
            #expect(backups.allSatisfy { Catalogue.isSound(copy: path + "/backup/" + $0) })
            for suffix in ["", "-wal", "-shm"] { TemporaryDirectory.removeAll(path + "/catalog.sqlite" + suffix) }
            #expect(try Store.rebuildCatalogue(path: path, adopt: false).backupMilliseconds != nil)
            expectSound(path, names: ["t:1"], "after a rebuild")
        }
    }

    /// At every operation of a rebuild: the old catalogue or the new one, or none, and then the rebuild is repeated.
    ///
    /// - Parameter isBehind: Whether the backup lacks something that the packs have.
    @Test(arguments: [false, true]) func aRebuild(isBehind: Bool) throws {
        let seed = TestScale.seed("rebuilds cut")
        let root = parent.file("store")
        var begun = 0
        var names: Set<String> = ["t:1"]
        let journal = try recorded(root) { disk, recorder in
            var generator = SeededGenerator(seed: seed)
            let fixture = StoreFixture(store: try Store.open(path: root, create: true, disk: disk))
            try fixture.commit("t", tag: "1", files: ["a": generator.bytes(20_000)])
            try fixture.collect()
            if isBehind {
                try fixture.commit("t", tag: "2", files: ["b": generator.bytes(20_000)])
                names.insert("t:2")
            }
            fixture.store.close()
            begun = recorder.count
            _ = try Store.rebuildCatalogue(path: root, adopt: false, disk: disk)
        }
        var without = 0
        let randoms = 4 * TestScale.factor
        let sweep = CutSweep(
            journal: journal, parent: parent.path, seed: seed, randoms: randoms, randomsAfterRename: randoms)
        let tried = try sweep.run(begun...journal.count) { path, number, place in
            let store = path + "/store"
            if !Kernel.exists(store + "/catalog.sqlite") {
                without += 1
                #expect(number < journal.count, "no catalogue at \(place)")
                _ = try Store.rebuildCatalogue(path: store, adopt: false)
            }
            expectSound(store, names: names, place)
        }
        print("rebuild: \(tried) cuts at \(journal.count - begun) operations, \(without) without a catalogue")
        #expect(tried > 50)
    }
}
