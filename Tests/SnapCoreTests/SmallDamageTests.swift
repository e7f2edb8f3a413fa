import SnapCatalogue
import SnapCore
import SnapIO
import TestSupport
import Testing

/// Damage that hurts nothing yet is named all the same.
@Suite struct SmallDamageTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    @Test func nothingButTheWholeFormatFileIsOne() throws {
        try Store.open(path: path, create: true).close()
        let bytes = try Kernel.readFile(path + "/FORMAT", limit: 4096)
        let text = String(decoding: bytes, as: UTF8.self)
        let damaged = [
            "no last newline": String(text.dropLast()), "one line more": text + "\n", "more text": text + "x",
            "another name": text.replacing("\nstore ", with: "\nstone "),
            "a short identity": text.replacing("\nstore ", with: "\nstore  "),
        ]
        for (what, text) in damaged {
            try (path + "/FORMAT").write(Array(text.utf8))
            let error = #expect(throws: StoreError.self, "\(what)") { try Store.open(path: path, create: false) }
            #expect(error?.code == .corrupt, "\(what)")
        }
        try (path + "/FORMAT").write(bytes)
        try Store.open(path: path, create: false).close()
    }

    /// A page of the catalogue that nothing refers to: only SQLite itself can tell.
    @Test func whatSQLiteFindsInItsFileIsReported() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        #expect(try fixture.problems().isEmpty)
        fixture.store.close()
        let catalogue = try Catalogue.open(directory: path, create: false, disk: Disk())
        try catalogue.finishLog()
        catalogue.close()
        var bytes = try Kernel.readFile(path + "/catalog.sqlite", limit: 1 << 30)
        // The header has the size of a page at 16, and their number at 28.
        let pageBytes = Int(bytes[16]) << 8 | Int(bytes[17])
        let pages = bytes.count / pageBytes + 1
        bytes += [UInt8](repeating: 0, count: pageBytes)
        for place in 0..<4 { bytes[28 + place] = UInt8(truncatingIfNeeded: pages >> (24 - 8 * place)) }
        try (path + "/catalog.sqlite").write(bytes)
        let again = StoreFixture(store: try Store.open(path: path, create: false))
        defer { again.store.close() }
        let problems = try again.problems()
        #expect(problems.map(\.code) == ["catalogue"], "\(problems)")
        #expect(try again.names() == ["t:1"])
    }

    private func edit(_ body: (WriteAccess) throws -> Void) throws {
        let catalogue = try Catalogue.open(directory: path, create: false, disk: Disk())
        defer { catalogue.close() }
        try catalogue.write("edit", body)
    }

    @Test func aLedgerThatGoesBackIsReported() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        try edit { tx in
            for org in try tx.reading.orgs() {
                try tx.appendLedger(org: org.id, stamp: 1, bytes: 0, record: [1, 2], cause: "test")
            }
        }
        #expect(try fixture.problems().map(\.code) == ["ledger"])
    }

    @Test func aFrameThatThePackDoesNotHaveIsReported() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        try edit { tx in
            for pack in try tx.reading.packs() {
                let frame = FrameRow(
                    id: 0, pack: pack.id, number: 99, offset: 16, storedBytes: 10, rawBytes: 10, codec: 0,
                    checksum: [UInt8](repeating: 1, count: 16))
                _ = try tx.insertFrame(frame)
            }
        }
        #expect(try fixture.problems().map(\.code) == ["pack_corrupt"])
    }

    /// What a collection has changed is in the database when it ends, and the log begins anew.
    @Test func aCollectionMovesTheLog() throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        try fixture.commit("t", tag: "1", files: ["a": [1, 2, 3]])
        let before = try Kernel.fileSize(path + "/catalog.sqlite")
        try fixture.collect()
        #expect(try Kernel.fileSize(path + "/catalog.sqlite") > before)
    }
}
