import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Objects that are asked for together are those that are asked for one by one, and damage is the same to both.
@Suite struct SeveralObjectsTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func keys(of bytes: [UInt8]) throws -> [ObjectKey] {
        let hasher = try SHA256()
        return stride(from: 0, to: bytes.count, by: 4096).map { start in
            ObjectKey(.chunk, hasher.digest(Array(bytes[start..<min(start + 4096, bytes.count)])))
        }
    }

    /// In any order, with repetitions, over several frames and packs.
    @Test func eachIsGivenOnceWithItsBytes() throws {
        let seed = TestScale.seed("eachIsGivenOnceWithItsBytes")
        var generator = SeededGenerator(seed: seed)
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        let contents = [generator.bytes(2_500_000), generator.bytes(100_001)]
        for (number, bytes) in contents.enumerated() {
            try fixture.commit("t", tag: "\(number)", files: ["a": bytes])
        }
        var wanted = try contents.flatMap { try keys(of: $0) }
        wanted += wanted.prefix(100)
        wanted.shuffle(using: &generator)
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let hasher = try SHA256()
        var times = [Int](repeating: 0, count: wanted.count)
        try reader.read(wanted) { loaded in
            for object in loaded {
                times[object.number] += 1
                #expect(hasher.digest(object.bytes) == wanted[object.number].digest, "seed \(seed)")
            }
        }
        #expect(times.allSatisfy { $0 == 1 }, "seed \(seed)")
    }

    /// A reader that has asked for much knows where everything lies; then it lies elsewhere.
    @Test func packsAreRewrittenBetweenQuestions() throws {
        let seed = TestScale.seed("packsAreRewrittenBetweenQuestions")
        var generator = SeededGenerator(seed: seed)
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        // The other is as much as frames are kept in memory.
        let (kept, left) = (generator.bytes(4_000_000), generator.bytes(26_000_000))
        let both = try fixture.commit("both", files: ["a": kept, "b": left])
        try fixture.commit("kept", files: ["a": kept])
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let hasher = try SHA256()
        func read(_ wanted: [ObjectKey]) throws -> Int {
            var count = 0
            for start in stride(from: 0, to: wanted.count, by: 7) {
                let some = Array(wanted[start..<min(start + 7, wanted.count)])
                try reader.read(some) { loaded in
                    for object in loaded {
                        #expect(hasher.digest(object.bytes) == some[object.number].digest, "seed \(seed)")
                    }
                    count += loaded.count
                }
            }
            return count
        }
        let wanted = try keys(of: kept)
        #expect(try read(wanted.shuffled(using: &generator)) == wanted.count)
        #expect(try read(keys(of: left)) == keys(of: left).count)
        try fixture.store.deleteSnapshot(id: both.record.id, org: StoreFixture.org)
        let collected = try fixture.collect()
        #expect(collected.rewrittenPacks > 0, "\(collected)")
        #expect(try read(wanted.shuffled(using: &generator)) == wanted.count)
    }

    /// The row of one object is damaged: the others are read as before, and it is refused.
    @Test func aDamagedRowHidesNothingElse() throws {
        var generator = SeededGenerator(seed: 8)
        let bytes = generator.bytes(400_000)
        var fixture = StoreFixture(store: try Store.open(path: path, create: true))
        try fixture.commit("t", tag: "1", files: ["a": bytes])
        fixture.store.close()
        let wanted = try keys(of: bytes)
        let damaged = wanted[40]
        let program = """
            import sqlite3, sys
            database = sqlite3.connect(sys.argv[1])
            database.execute("PRAGMA ignore_check_constraints = 1")
            digest = bytes.fromhex(sys.argv[2])
            assert database.execute("UPDATE object SET length = -5 WHERE digest = ?", (digest,)).rowcount == 1
            database.commit()
            """
        let digest = damaged.digest.description.suffix(64)
        let done = try Command.run(
            "/usr/bin/env", ["python3", "-c", program, path + "/catalog.sqlite", String(digest)])
        #expect(done.status == 0, "\(done)")
        fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        let reader = try fixture.store.reader(org: StoreFixture.org)
        var given = 0
        for _ in 0..<5 {
            for key in wanted where key != damaged { try reader.read([key]) { given += $0.count } }
        }
        #expect(given == 5 * (wanted.count - 1))
        #expect(throws: StoreError.self) { try reader.read([damaged]) { _ in } }
    }

    @Test func whatIsNotHeldIsSaid() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        let bytes = [UInt8](repeating: 3, count: 5000)
        try fixture.commit("t", tag: "1", files: ["a": bytes])
        let absent = ObjectKey(.chunk, try SHA256().digest([1]))
        let reader = try fixture.store.reader(org: StoreFixture.org)
        var given: [Int] = []
        let error = #expect(throws: StoreError.self) {
            try reader.read([absent] + keys(of: bytes)) { given += $0.map(\.number) }
        }
        #expect(error?.code == .notFound)
        #expect(given == [1, 2])
    }

    /// The error of whoever takes the bytes is his own, and ends it.
    @Test func anErrorOfTheTakerIsThrownAsItIs() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        var generator = SeededGenerator(seed: 6)
        let bytes = generator.bytes(50_000)
        try fixture.commit("t", tag: "1", files: ["a": bytes])
        let reader = try fixture.store.reader(org: StoreFixture.org)
        var calls = 0
        let error = #expect(throws: IOError.self) {
            try reader.read(keys(of: bytes)) { _ in
                calls += 1
                throw IOError(errno: 28, operation: "write", path: "")
            }
        }
        #expect(error?.errno == 28 && calls == 1)
    }

    /// A bit of the stored bytes is another: no object is given with bytes that are not its own, some object is refused, the
    /// refusal is that of a single read, and a check finds it.
    @Test(arguments: [20, 3000, 100_000])
    func damageIsNeverGiven(at position: Int) throws {
        var generator = SeededGenerator(seed: 7)
        let bytes = generator.bytes(300_000)
        var fixture = StoreFixture(store: try Store.open(path: path, create: true))
        try fixture.commit("t", tag: "1", files: ["a": bytes])
        fixture.store.close()
        let found = try Command.run("/usr/bin/find", [path + "/packs", "-name", "*.pack", "-size", "+200k"]).output
        let pack = String(try #require(found.split(separator: "\n").first))
        var stored = try Kernel.readFile(pack, limit: 1 << 30)
        stored[position] ^= 1
        try pack.write(stored)
        fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        let wanted = try keys(of: bytes)
        let hasher = try SHA256()
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let error = #expect(throws: StoreError.self) {
            try reader.read(wanted) { loaded in
                for object in loaded { #expect(hasher.digest(object.bytes) == wanted[object.number].digest) }
            }
        }
        #expect(error?.code == .corrupt)
        let refused = wanted.filter { (try? reader.read($0)) == nil }
        #expect(!refused.isEmpty)
        var options = FsckOptions()
        options.readData = true
        #expect(try fixture.store.check(options).damagedSnapshots.map(\.name) == ["t"])
    }
}
