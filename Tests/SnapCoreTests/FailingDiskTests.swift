import Glibc
import SnapCore
import SnapIO
import TestSupport
import Testing

/// A disk that gives back an error in place of what was written: reading a page that is not mapped, through
/// /proc/self/mem, is an EIO of the kernel's own.
@Suite struct FailingDiskTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open() throws -> StoreFixture { StoreFixture(store: try Store.open(path: path, create: true)) }

    private func packFiles() throws -> [String] {
        try Command.run("/usr/bin/find", [path + "/packs", "-name", "*.pack"]).output.split(separator: "\n").map(
            String.init)
    }

    private func fail(_ file: String) throws {
        try #require(rename(file, file + ".kept") == 0)
        try #require(symlink("/proc/self/mem", file) == 0)
    }

    private func mend(_ file: String) throws {
        try #require(rename(file + ".kept", file) == 0)
    }

    @Test func aDeleteThatCannotReadANodeEndsAndTheCountsAreRepaired() throws {
        var generator = SeededGenerator(seed: 1)
        var fixture = try open()
        try fixture.commit("bad", tag: "1", files: ["a": generator.bytes(40_000)])
        let bad = try packFiles()
        try fixture.commit("good", tag: "1", files: ["b": generator.bytes(30_000)])
        fixture.store.close()
        for file in bad { try fail(file) }
        fixture = try open()
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "bad", tag: "1")
        #expect(try fixture.store.settle(org: StoreFixture.org) > 0)
        // The queue goes on, and so do collections.
        try fixture.commit("next", tag: "1", files: ["c": generator.bytes(5_000)])
        try fixture.collect()
        #expect(try fixture.names() == ["good:1", "next:1"])
        for file in bad { try mend(file) }
        let found = try fixture.problems()
        #expect(found.contains { $0.code == "count" }, "\(found)")
        let held = try fixture.store.statistics().heldBytes
        var options = FsckOptions()
        options.repair = true
        let repaired = try fixture.store.check(options)
        #expect(repaired.problems.isEmpty && repaired.repaired > 0, "\(repaired.problems)")
        #expect(try fixture.store.statistics().heldBytes < held - 39_000)
        #expect(try fixture.problems().isEmpty)
        try fixture.collect()
        #expect(try fixture.problems().isEmpty)
        #expect(try packFiles().filter(bad.contains).isEmpty)
    }

    @Test func aCheckNamesWhatADiskDoesNotGiveBackAndGoesOn() throws {
        var generator = SeededGenerator(seed: 2)
        var fixture = try open()
        try fixture.commit("bad", tag: "1", files: ["a": generator.bytes(40_000)])
        let bad = try packFiles()
        try fixture.commit("good", tag: "1", files: ["b": generator.bytes(30_000)])
        fixture.store.close()
        for file in bad { try fail(file) }
        fixture = try open()
        var options = FsckOptions()
        options.readData = true
        options.repair = true
        let check = try fixture.store.check(options)
        #expect(check.damagedSnapshots.map(\.name) == ["bad"])
        #expect(check.problems.contains { $0.code == "pack_corrupt" })
        for file in bad { try mend(file) }
        // Nothing was let go for it.
        #expect(try fixture.problems().isEmpty)
        #expect(try fixture.names() == ["bad:1", "good:1"])
    }
}
