import GRDB
import SnapCatalogue
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// The rules that keep SQLite 3.40 from losing or corrupting anything: each was a trap that was measured.
@Suite(.serialized) struct CatalogueRuleTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func open(deadline: Double = 5) throws -> Catalogue {
        try Catalogue.open(directory: directory.path, create: true, disk: Disk(), lockDeadlineSeconds: deadline)
    }

    /// A raw connection, as another program would have it.
    private func raw() throws -> DatabaseQueue {
        try DatabaseQueue(path: directory.file("catalog.sqlite"))
    }

    /// Writes so many transactions of 400 objects each.
    private func fill(_ catalogue: Catalogue, transactions: Int) throws {
        for round in 0..<transactions {
            try catalogue.write("test") { tx in
                for number in 0..<400 {
                    let digest = try SHA256().digest(Array("\(round)/\(number)".utf8))
                    let place = ObjectPlace(key: ObjectKey(.chunk, digest), length: 1, frame: 1, position: 0)
                    try tx.insertObject(place, scope: .public, refs: 1)
                }
            }
        }
    }

    @Test func commitsAreSyncedInFull() throws {
        let catalogue = try open()
        #expect(try catalogue.pragma("synchronous") == 2)
        #expect(try catalogue.pragma("foreign_keys") == 1)
    }

    @Test func automaticCheckpointsAreOff() throws {
        let catalogue = try open()
        #expect(try catalogue.pragma("wal_autocheckpoint") == 0)
    }

    @Test func aCommitThatIsNotSyncedLeavesTheNextOnesSynced() throws {
        let catalogue = try open()
        let before = try catalogue.read { try $0.sequence() }
        try catalogue.write("test", isSynced: false) { _ = try $0.nextSequence() }
        #expect(try catalogue.pragma("synchronous") == 1)
        try catalogue.write("test") { _ = try $0.nextSequence() }
        #expect(try catalogue.pragma("synchronous") == 2)
        struct Refused: Error {}
        #expect(throws: Refused.self) { try catalogue.write("test", isSynced: false) { _ in throw Refused() } }
        #expect(throws: Refused.self) { try catalogue.write("test") { _ in throw Refused() } }
        #expect(try catalogue.pragma("synchronous") == 2)
        #expect(try catalogue.read { try $0.sequence() } == before + 2)
    }

    @Test func closingDoesNotCheckpoint() throws {
        let catalogue = try open()
        try catalogue.write("test") { _ = try $0.nextSequence() }
        let before = try Kernel.fileSize(directory.file("catalog.sqlite-wal"))
        #expect(before > 0)
        catalogue.close()
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite-wal")) == before)
    }

    @Test func theLogIsEmptiedOnceItIsLarge() throws {
        let catalogue = try open()
        try fill(catalogue, transactions: 40)
        // Moved into the database, so that the next commits write over it from its beginning.
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite-wal")) < 3 * Catalogue.checkpointBytes)
        #expect(try catalogue.integrityProblems().isEmpty)
    }

    @Test func aLogThatWasLargeOnceIsNotMovedAtEveryCommit() throws {
        let catalogue = try open()
        try fill(catalogue, transactions: 120)
        try catalogue.checkpoint()
        try catalogue.write("test") { _ = try $0.nextSequence() }
        // The size of the file is what the next commit goes by.
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite-wal")) <= Catalogue.checkpointBytes)
    }

    @Test func aTransactionOfMoreThanAThousandRowsIsRefusedWhole() throws {
        let catalogue = try open()
        let before = try catalogue.read { try $0.sequence() }
        for (count, isAllowed) in [(1000, true), (1001, false)] {
            do {
                try catalogue.write("test") { tx in for _ in 0..<count { _ = try tx.nextSequence() } }
                #expect(isAllowed)
            } catch let error as CatalogueError {
                #expect(!isAllowed && error.code == .tooManyRows)
            }
        }
        #expect(try catalogue.read { try $0.sequence() } == before + 1000)
    }

    @Test func anErrorInsideATransactionLeavesNothing() throws {
        struct Stop: Error {}
        let catalogue = try open()
        let before = try catalogue.read { try $0.sequence() }
        #expect(throws: Stop.self) {
            try catalogue.write("test") { tx in
                _ = try tx.nextSequence()
                throw Stop()
            }
        }
        #expect(try catalogue.read { try $0.sequence() } == before)
    }

    @Test func writersOfSeveralProcessesTakeTurns() throws {
        let catalogue = try open(deadline: 0.2)
        let lock = try FileLock(path: directory.file("catalog.lock"))
        try lock.lock(deadlineSeconds: 1)
        #expect {
            try catalogue.write("test") { _ = try $0.nextSequence() }
        } throws: { error in
            (error as? CatalogueError)?.code == .busy
        }
        lock.unlock()
        try catalogue.write("test") { _ = try $0.nextSequence() }
    }

    @Test func writersBeginImmediately() throws {
        let catalogue = try open()
        // A connection that only read first could not upgrade once another had written: BUSY at once.
        let other = try raw()
        try catalogue.write("test") { tx in
            _ = try tx.reading.sequence()
            #expect(throws: DatabaseError.self) {
                try other.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA busy_timeout = 0")
                    try db.execute(sql: "BEGIN IMMEDIATE")
                }
            }
            _ = try tx.nextSequence()
        }
    }

    @Test func whatAnotherProcessWroteIsSeen() throws {
        let (one, two) = (try open(), try open())
        try two.write("test") { _ = try $0.insertOrg(named: "acme", createdMilliseconds: 1) }
        #expect(try one.read { try $0.org(named: "acme") } != nil)
    }

    @Test func theLedgerCannotBeRewritten() throws {
        let catalogue = try open()
        try catalogue.write("test") { tx in
            let org = try tx.insertOrg(named: "acme", createdMilliseconds: 1)
            for bytes in [5, -5, 7] as [Int64] {
                try tx.appendLedger(org: org.id, stamp: 10, bytes: bytes, record: [1, 2], cause: "test")
            }
        }
        let rows = try catalogue.read { try $0.ledger(org: 1) }
        #expect(rows.map(\.bytes) == [5, -5, 7])
        #expect(try LedgerChain.firstBreak(in: rows) == nil)
        let other = try raw()
        #expect(throws: DatabaseError.self) {
            try other.write { try $0.execute(sql: "UPDATE ledger SET bytes = 6 WHERE number = 1") }
        }
        #expect(throws: DatabaseError.self) { try other.write { try $0.execute(sql: "DELETE FROM ledger") } }
        // Somebody who drops the trigger is found out by the chain.
        try other.write {
            try $0.execute(sql: "DROP TRIGGER ledger_keep; UPDATE ledger SET bytes = 6 WHERE number = 2")
        }
        #expect(try LedgerChain.firstBreak(in: catalogue.read { try $0.ledger(org: 1) }) == 2)
    }

    @Test func aNewerCatalogueIsRefused() throws {
        try open().close()
        try raw().write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('9')") }
        #expect {
            try open()
        } throws: { error in
            (error as? CatalogueError)?.code == .newer
        }
    }

    @Test func aFileThatIsNoDatabaseIsNamed() throws {
        try directory.file("catalog.sqlite").write(Array(repeating: 0x41, count: 8192))
        #expect {
            try open()
        } throws: { error in
            (error as? CatalogueError)?.code == .corrupt
        }
    }
}
