import SnapCore
import SnapIO
import TestSupport
import Testing

/// A rebuild that is cut short leaves what was there.
@Suite struct RebuildCutTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func names() throws -> Set<String> {
        let fixture = StoreFixture(store: try Store.open(path: path, create: false))
        defer { fixture.store.close() }
        #expect(try fixture.problems().isEmpty)
        return try fixture.names()
    }

    @Test func theOldCatalogueStaysUntilTheNewOneIsWhole() throws {
        var generator = SeededGenerator(seed: 1)
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(20_000)])
        try fixture.collect()
        try fixture.commit("t", tag: "2", files: ["b": generator.bytes(20_000)])
        fixture.store.close()
        var cut = 0
        var without = 0
        while true {
            let disk = Disk(observer: FailingGate(cut + 1))
            do throws(StoreError) {
                _ = try Store.rebuildCatalogue(path: path, adopt: false, disk: disk)
                break
            } catch {
                #expect(error.code == .io, "gate \(cut + 1): \(error)")
            }
            cut += 1
            do {
                #expect(try names() == ["t:1", "t:2"], "gate \(cut)")
            } catch let error as StoreError {
                // Between the renames at the very end: the next run begins anew.
                #expect(error.code == .notFound, "gate \(cut): \(error)")
                without += 1
                _ = try Store.rebuildCatalogue(path: path, adopt: false)
                #expect(try names() == ["t:1", "t:2"], "gate \(cut)")
            }
        }
        #expect(try names() == ["t:1", "t:2"])
        #expect(cut >= 15 && without <= 6, "\(cut) gates, \(without) without a catalogue")
        print("rebuild: cut at \(cut) gates, \(without) of them between the last renames")
    }
}

/// Every operation from a gate on fails.
private struct FailingGate: GateObserver {
    private let first: Int

    init(_ first: Int) { self.first = first }

    var wantsBytes: Bool { false }
    func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        guard number < first else { throw IOError(errno: 5, operation: "test", path: "") }
    }
    func didPass(_ number: Int, _ operation: GateOperation) {}
}
