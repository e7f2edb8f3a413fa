import SnapCatalogue
import SnapCore
import SnapIO
import SnapModel
import Synchronization
import TestSupport
import Testing

/// One open store, read by several threads at once: the frames that it keeps and its decoders are theirs together.
@Suite struct SharedReaderTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    /// Runs `body` on eight threads.
    private func together(_ body: @escaping @Sendable (Int) throws -> Void) throws {
        let pool = try WorkerPool(threads: 8, queueMax: 8)
        for number in 0..<8 { try pool.submit { try body(number) } }
        try pool.wait()
    }

    @Test func everyThreadReadsTheSameBytes() throws {
        var generator = SeededGenerator(seed: 21)
        var files: [String: [UInt8]] = [:]
        for number in 0..<10 { files["\(number)"] = generator.bytes(300_000) }
        let writer = StoreFixture(store: try Store.open(path: path, create: true))
        let record = try writer.commit("t", tag: "1", files: files).record
        writer.store.close()
        for _ in 0..<3 {
            // It has read nothing yet.
            let store = try Store.open(path: path, create: false)
            defer { store.close() }
            let right = Atomic(0)
            try together { [files] _ in
                if try StoreFixture(store: store).files(of: record) == files { right.add(1, ordering: .relaxed) }
            }
            #expect(right.load(ordering: .relaxed) == 8)
        }
    }

    /// A catalogue that points beside an object: the frame is sound, and only the object's own digest tells.
    @Test func bytesOfAnotherPlaceAreNeverReturned() throws {
        var generator = SeededGenerator(seed: 22)
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(400_000)])
        let keys = try moveChunks(by: 1)
        #expect(keys.count >= 90)
        let wrong = Atomic(0)
        let reader = try fixture.store.reader(org: StoreFixture.org)
        try together { number in
            for key in number % 2 == 0 ? keys : keys.reversed() {
                do throws(StoreError) {
                    _ = try reader.read(key)
                    wrong.add(1, ordering: .relaxed)
                } catch {
                    if error.code != .corrupt { throw error }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        var options = FsckOptions()
        options.readData = true
        let found = try fixture.store.check(options)
        #expect(found.damagedSnapshots.map(\.name) == ["t"])
    }

    private func moveChunks(by distance: Int64) throws -> [ObjectKey] {
        let catalogue = try Catalogue.open(directory: path, create: false, disk: Disk())
        defer { catalogue.close() }
        return try catalogue.write("edit") { tx in
            guard let org = try tx.reading.org(named: StoreFixture.org) else { return [] }
            let rows = try tx.reading.objects(scope: org.scope, after: nil, limit: 900)
            return try rows.filter { $0.key.kind == .chunk }.compactMap { row in
                guard let frame = row.frame else { return nil }
                try tx.moveObject(row.key, scope: org.scope, frame: frame, position: row.position + distance)
                return row.key
            }
        }
    }
}
