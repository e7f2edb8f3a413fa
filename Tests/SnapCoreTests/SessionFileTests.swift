import SnapCore
import SnapIO
import SnapModel
import TestSupport
import Testing

/// The files whose locks say that sessions live: each goes with its session, and no living one is touched.
@Suite struct SessionFileTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open(_ hook: GateHook? = nil) throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: path, create: true, disk: Disk(observer: hook)))
    }

    private func files() throws -> [String] {
        try Kernel.names(inDirectory: path + "/sessions").map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aSessionThatEndsLeavesNoFile() throws {
        var generator = SeededGenerator(seed: 31)
        let (kept, gone) = (generator.bytes(300_000), generator.bytes(300_000))
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": gone, "b": kept])
        #expect(try files().isEmpty)
        try fixture.commit("t", tag: "2", files: ["b": kept])
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        // A collection that rewrites has a session of its own.
        #expect(try fixture.collect().rewrittenPacks > 0)
        #expect(try files().isEmpty)
    }

    @Test func aSessionThatCannotBeginLeavesNoFile() throws {
        let failed = Once()
        let fixture = try open(
            GateHook { operation throws(IOError) in
                guard case .transaction("session") = operation, failed.take() else { return }
                throw IOError(errno: 5, operation: "fsync", path: "catalog.sqlite-wal")
            })
        #expect(throws: StoreError.self) { try fixture.store.beginSession(.create, org: StoreFixture.org) }
        #expect(try files().isEmpty)
    }

    @Test func openingTidiesUpAfterTheDeadAndLeavesTheLiving() throws {
        var generator = SeededGenerator(seed: 32)
        do {
            let fixture = try open()
            let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
            _ = try session.store(.chunk, generator.bytes(5_000))
            try session.flush()
        }
        #expect(try files().count == 1)
        // One that is about to begin: its file is there and locked, its row is not.
        let beginning = try SessionLock.create(path: path + "/sessions/beginning")
        // Of one that died so.
        try (path + "/sessions/died").write([])
        let fixture = try open()
        #expect(try files() == ["beginning"])
        #expect(try fixture.store.statistics().sessions == 0)
        let living = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let other = try open()
        #expect(try files().count == 2)
        #expect(try other.store.statistics().sessions == 1)
        living.end()
        beginning.release()
        #expect(try files().isEmpty)
    }

    /// Neither is a catalogue made anew under a session that lives.
    @Test func aRebuildWaitsForTheLiving() throws {
        let fixture = try open()
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        let living = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let error = #expect(throws: StoreError.self) { try Store.rebuildCatalogue(path: path, adopt: true) }
        #expect(error?.code == .busy)
        living.end()
        fixture.store.close()
        _ = try Store.rebuildCatalogue(path: path, adopt: true)
        #expect(try open().names() == ["t:1"])
    }
}
