import SnapCore
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Damage is named, contained, and healed by the same content; a lost catalogue is made anew.
@Suite struct RepairTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open() throws -> StoreFixture { StoreFixture(store: try Store.open(path: path, create: true)) }

    private func expectSound(_ fixture: StoreFixture) throws {
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems)")
    }

    private func packFiles() throws -> [String] {
        try Command.run("/usr/bin/find", [path + "/packs", "-name", "*.pack"]).output.split(separator: "\n").map(
            String.init)
    }

    private func loseCatalogue() throws {
        for suffix in ["", "-wal", "-shm"] { TemporaryDirectory.removeAll(path + "/catalog.sqlite" + suffix) }
    }

    private func damage(_ file: String, at position: Int) throws {
        var bytes = try Kernel.readFile(file, limit: 1 << 30)
        bytes[position] ^= 0x10
        try file.write(bytes)
    }

    @Test func aDamagedFrameIsNamedAndHealedByTheSameContent() throws {
        var generator = SeededGenerator(seed: 1)
        let (bad, good) = (["a": generator.bytes(600_000)], ["b": generator.bytes(700_000)])
        var fixture = try open()
        try fixture.commit("bad", tag: "1", files: bad)
        let first = Set(try packFiles())
        try fixture.commit("good", tag: "1", files: good)
        fixture.store.close()
        try damage(try #require(first.sorted().first), at: 3000)
        fixture = try open()
        var options = FsckOptions()
        options.readData = true
        let found = try fixture.store.check(options)
        #expect(!found.problems.isEmpty)
        #expect(found.damagedSnapshots.map(\.name) == ["bad"])
        // The damage is known now, so the same content is stored again, under any name.
        try fixture.commit("again", tag: "1", files: bad)
        let healed = try fixture.store.check(options)
        #expect(healed.problems.isEmpty, "\(healed.problems)")
    }

    @Test func aMissingPackIsNamed() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 2)
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(50_000)])
        for file in try packFiles() { TemporaryDirectory.removeAll(file) }
        #expect(try fixture.problems().contains { $0.code == "pack_missing" })
    }

    @Test func aRebuildFindsWhatWasMovedSinceTheBackup() throws {
        var generator = SeededGenerator(seed: 6)
        let shared = generator.bytes(60_000)
        var fixture = try open()
        try fixture.commit("t", tag: "0", files: ["shared": shared, "own": generator.bytes(60_000)])
        try fixture.commit("t", tag: "1", files: ["shared": shared])
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "0")
        // Takes the backup, then rewrites the pack that both were in.
        #expect(try fixture.collect().rewrittenPacks == 1)
        let before = try fixture.names()
        fixture.store.close()
        try loseCatalogue()
        let result = try Store.rebuildCatalogue(path: path, adopt: false)
        #expect(result.lost.isEmpty)
        fixture = try open()
        #expect(try fixture.names() == before)
        try expectSound(fixture)
    }

    @Test func aRebuildKeepsWhatWasBeingWrittenWhenTheBackupWasTaken() throws {
        var generator = SeededGenerator(seed: 7)
        var fixture = try open()
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let manifest = try fixture.put(["a": generator.bytes(40_000)], session)
        try session.flush()
        try fixture.collect()
        _ = try session.commit(SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory"))
        fixture.store.close()
        try loseCatalogue()
        _ = try Store.rebuildCatalogue(path: path, adopt: false)
        fixture = try open()
        #expect(try fixture.names() == ["t:1"])
        try expectSound(fixture)
    }

    @Test func aRebuildGivesNoTagToACommitThatWasRefused() throws {
        let (once, path) = (Once(), path)
        let hook = GateHook { operation in
            guard case .createFile(let file) = operation, file.hasSuffix(".pack.new"), once.take() else { return }
            // Another commit takes the tag first, and the backup knows it.
            guard let store = try? Store.open(path: path, create: true) else { return }
            let other = StoreFixture(store: store)
            _ = try? other.commit("t", tag: "1", files: ["a": [2]])
            _ = try? other.collect()
            other.store.close()
        }
        var fixture = StoreFixture(store: try Store.open(path: path, create: true, disk: Disk(observer: hook)))
        #expect(throws: StoreError.self) {
            try fixture.commit("t", tag: "1", files: ["a": [1]], ifMatch: SnapshotDraft.Match.none)
        }
        let before = try fixture.store.snapshot(org: StoreFixture.org, name: "t", tag: "1")?.manifest
        fixture.store.close()
        try loseCatalogue()
        _ = try Store.rebuildCatalogue(path: path, adopt: false)
        fixture = try open()
        #expect(try fixture.store.snapshot(org: StoreFixture.org, name: "t", tag: "1")?.manifest == before)
        try expectSound(fixture)
    }

    @Test func aRebuildBringsNothingBackThatWasDeletedBeforeTheBackup() throws {
        var generator = SeededGenerator(seed: 9)
        let shared = generator.bytes(60_000)
        var fixture = try open()
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        // Put and never needed: the reason to rewrite this pack.
        for _ in 0..<20 { _ = try session.store(.chunk, generator.bytes(4096)) }
        let manifest = try fixture.put(["shared": shared, "old": [1]], session)
        let old = try session.commit(SnapshotDraft(name: "t", tag: "latest", manifest: manifest, kind: "directory"))
        try fixture.commit("t", files: ["shared": shared])
        try fixture.store.deleteSnapshot(id: old.record.id, org: StoreFixture.org)
        let before = try fixture.names()
        // Within the grace period, so that what was deleted is copied along.
        #expect(try fixture.store.collectGarbage().rewrittenPacks == 1)
        fixture.store.close()
        try loseCatalogue()
        _ = try Store.rebuildCatalogue(path: path, adopt: false)
        fixture = try open()
        #expect(try fixture.names() == before)
        try expectSound(fixture)
    }

    @Test func aRebuildPassesOverADamagedBackup() throws {
        var fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": [1]])
        try fixture.collect()
        fixture.store.close()
        try loseCatalogue()
        let sound = try #require(try Array(Kernel.names(inDirectory: path + "/backup")).first)
        let file = path + "/backup/" + String(decoding: sound, as: UTF8.self)
        var bytes = try Kernel.readFile(file, limit: 1 << 30)
        // The root page of a table.
        for position in 8192..<8292 { bytes[position] = 0xff }
        try (path + "/backup/catalogue-9999999999999.sqlite").write(bytes)
        _ = try Store.rebuildCatalogue(path: path, adopt: false)
        fixture = try open()
        #expect(try fixture.names() == ["t:1"])
        try expectSound(fixture)
    }

    @Test func aRebuildThatWasCutShortIsRepeated() throws {
        var fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": [1]])
        try fixture.collect()
        fixture.store.close()
        try loseCatalogue()
        try (path + "/catalog.rebuilt.sqlite.new").write([1, 2, 3])
        _ = try Store.rebuildCatalogue(path: path, adopt: false)
        fixture = try open()
        #expect(try fixture.names() == ["t:1"])
    }

    @Test func whatAMissingPackHeldIsNamedAndHealedByTheSameContent() throws {
        var generator = SeededGenerator(seed: 8)
        // Large enough for packs of chunks apart from metadata.
        let files = ["a": generator.bytes(3_000_000)]
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: files)
        try fixture.commit("u", tag: "1", files: ["b": [1]])
        let sizes = try packFiles().map { (size: try Kernel.fileSize($0), file: $0) }
        let largest = try #require(sizes.max { $0.size < $1.size })
        TemporaryDirectory.removeAll(largest.file)
        #expect(try fixture.store.check().damagedSnapshots.map(\.name) == ["t"])
        try fixture.commit("again", tag: "1", files: files)
        try fixture.collect()
        try expectSound(fixture)
    }

    @Test func aStoreOfAnotherFormatIsRefused() throws {
        let fixture = try open()
        fixture.store.close()
        for (text, code) in [
            ("snapstore 2\n", StoreError.Code.invalid), ("something", .corrupt),
            ("snapstore 1\nstore 12\nchunker fastcdc-1\n", .corrupt),
            ("snapstore 1\nstore \(String(repeating: "0", count: 32))\nchunker other\n", .invalid),
        ] {
            try (path + "/FORMAT").write(Array(text.utf8))
            #expect {
                try Store.open(path: path, create: true)
            } throws: { ($0 as? StoreError)?.code == code }
        }
    }
}
