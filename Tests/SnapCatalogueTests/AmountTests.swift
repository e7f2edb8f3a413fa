import GRDB
import SnapCatalogue
import SnapIO
import TestSupport
import Testing

/// Numbers that no store can come to are damage, and never reach a sum.
@Suite struct AmountTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func open() throws -> Catalogue {
        try Catalogue.open(directory: directory.path, create: true, disk: Disk())
    }

    /// Largest and smallest that are taken.
    @Test(arguments: [("stored_bytes", 0, 1 << 56), ("live_bytes", -(1 << 56), 1 << 56)])
    func amountsHaveBounds(_ column: String, least: Int64, most: Int64) throws {
        let catalogue = try open()
        defer { catalogue.close() }
        try catalogue.write("test") { tx in
            let org = try tx.insertOrg(named: "acme", createdMilliseconds: 1)
            let uid = [UInt8](repeating: 1, count: 16)
            _ = try tx.insertPack(uid: uid, scope: org.scope, session: nil, state: .live)
        }
        let raw = try DatabaseQueue(path: directory.file("catalog.sqlite"))
        for (value, isRight) in [
            (least, true), (most, true), (least - 1, false), (most + 1, false), (.min, false), (.max, false),
        ] as [(Int64, Bool)] {
            try raw.write { try $0.execute(sql: "UPDATE pack SET \(column) = ?", arguments: [value]) }
            do {
                #expect(try catalogue.read { try $0.packs().count } == 1)
                #expect(isRight, "\(column) of \(value)")
            } catch let error as CatalogueError {
                #expect(!isRight && error.code == .corrupt, "\(column) of \(value): \(error)")
            }
        }
    }

    /// The chain is right, but a later row has an earlier stamp.
    @Test func aLedgerGoesForward() throws {
        let catalogue = try open()
        defer { catalogue.close() }
        try catalogue.write("test") { tx in
            let org = try tx.insertOrg(named: "acme", createdMilliseconds: 1)
            for stamp in [10, 10, 9, 11] as [Int64] {
                try tx.appendLedger(org: org.id, stamp: stamp, bytes: 1, record: [1, 2], cause: "test")
            }
        }
        let rows = try catalogue.read { try $0.ledger(org: 1) }
        #expect(rows.count == 4)
        #expect(try LedgerChain.firstBreak(in: rows) == 3)
        #expect(try LedgerChain.firstBreak(in: Array(rows.prefix(2))) == nil)
    }
}
