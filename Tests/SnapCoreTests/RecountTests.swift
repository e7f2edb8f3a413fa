import SnapCore
import SnapModel
import Synchronization
import TestSupport
import Testing

/// Counts that are wrong are found, however many parts they are recounted in.
@Suite struct RecountTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func problems(objectsAtOnce: Int64) throws -> Set<FsckProblem> {
        let store = try Store.open(path: path, create: false)
        defer { store.close() }
        var options = FsckOptions()
        options.objectsAtOnce = objectsAtOnce
        return Set(try store.check(options).problems)
    }

    @Test func aRecountInPartsFindsWhatOneInWholeFinds() throws {
        var generator = SeededGenerator(seed: 1)
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        let shared = generator.bytes(200_000)
        for number in 0..<5 {
            try fixture.commit("t", tag: "\(number)", files: ["a": shared, "b": generator.bytes(100_000)])
        }
        fixture.store.close()
        for objectsAtOnce in [1, 7, 1_000_000] as [Int64] { #expect(try problems(objectsAtOnce: objectsAtOnce) == []) }

        // One count of each kind is wrong, and one object is gone.
        let statements = [
            "UPDATE object SET refs = refs + 1 WHERE digest IN (SELECT MIN(digest) FROM object GROUP BY kind)",
            "DELETE FROM object WHERE digest = (SELECT MAX(digest) FROM object WHERE kind = 1)",
        ]
        let program = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.executescript(sys.argv[2])"
        let done = try Command.run(
            "/usr/bin/env", ["python3", "-c", program, path + "/catalog.sqlite", statements.joined(separator: ";")])
        #expect(done.status == 0, "\(done.errors)")
        let whole = try problems(objectsAtOnce: 1_000_000)
        #expect(whole.filter { $0.code == "object_missing" }.count == 1)
        // The totals and a pack's count are wrong, too. This store has no chunk lists of more than one node.
        #expect(whole.filter { $0.code == "count" }.count >= 5)
        for objectsAtOnce in [1, 7, 100] as [Int64] { #expect(try problems(objectsAtOnce: objectsAtOnce) == whole) }
    }

    /// Commits come between in every recount: what seems wrong in each of them is another, and what is wrong the same.
    @Test func aCheckBesideCommitsCallsNothingWrongThatIsNot() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        let kept = try fixture.commit("kept", files: ["a": Array(repeating: 1, count: 5_000)]).record
        let serial = Mutex(0)
        var options = FsckOptions()
        options.step = { _, _ in
            let number = serial.withLock { number in
                number += 1
                return number
            }
            let made = try fixture.commit("busy", files: ["b": Array("commit \(number)".utf8)]).record
            try fixture.store.deleteSnapshot(id: made.id, org: StoreFixture.org)
        }
        #expect(try fixture.store.check(options).problems.isEmpty)
        try CatalogueEdit(path).setRefs(ObjectKey(.manifest, kept.manifest), to: 5)
        #expect(try fixture.store.check(options).problems.map(\.code) == ["busy"])
        options.step = { _, _ in }
        #expect(try fixture.store.check(options).problems.map(\.code) == ["count"])
        options.repair = true
        #expect(try fixture.store.check(options).repaired == 1)
        #expect(try fixture.problems().isEmpty && serial.withLock { $0 } > 5)
    }
}
