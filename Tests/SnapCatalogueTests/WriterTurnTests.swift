import SnapCatalogue
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Whatever writes to the catalogue takes its turn: behind whoever waits at the turnstile, and after whoever writes.
@Suite struct WriterTurnTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func open(deadline: Double) throws -> Catalogue {
        try Catalogue.open(directory: directory.path, create: true, disk: Disk(), lockDeadlineSeconds: deadline)
    }

    private func isBusy(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return false
        } catch { return (error as? CatalogueError)?.code == .busy }
    }

    @Test(arguments: ["catalog.lock", "catalog.turnstile"]) func nothingIsWrittenOutOfTurn(_ name: String) throws {
        let catalogue = try open(deadline: 0.05)
        defer { catalogue.close() }
        let writes: [(String, () throws -> Void)] = [
            ("a transaction", { try catalogue.write("test") { _ = try $0.nextSequence() } }),
            ("a checkpoint", { try catalogue.checkpoint() }),
            ("the end of the log", { try catalogue.finishLog() }),
            ("opening", { try open(deadline: 0.05).close() }),
        ]
        let other = try FileLock(path: directory.file(name))
        try other.lock(deadlineSeconds: 5)
        let before = try catalogue.read { try $0.sequence() }
        for (what, write) in writes { #expect(isBusy(write), "\(what) does not wait for \(name)") }
        #expect(try catalogue.read { try $0.sequence() } == before)
        other.unlock()
        // Nobody has kept anything.
        for (_, write) in writes { try write() }
        #expect(try catalogue.read { try $0.sequence() } == before + 1)
        try other.lock(deadlineSeconds: 0)
        other.unlock()
    }

    /// The rows of one transaction.
    private func fill(_ catalogue: Catalogue, _ round: Int) throws {
        try catalogue.write("test") { tx in
            for number in 0..<400 {
                let digest = try SHA256().digest(Array("\(round)/\(number)".utf8))
                let place = ObjectPlace(key: ObjectKey(.chunk, digest), length: 1, frame: 1, position: 0)
                try tx.insertObject(place, scope: .public, refs: 1)
            }
        }
    }

    @Test func aCheckpointMovesTheLogIntoTheDatabase() throws {
        let catalogue = try open(deadline: 5)
        defer { catalogue.close() }
        for round in 0..<5 { try fill(catalogue, round) }
        let database = try Kernel.fileSize(directory.file("catalog.sqlite"))
        let log = try Kernel.fileSize(directory.file("catalog.sqlite-wal"))
        try catalogue.checkpoint()
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite")) > database)
        // The next commits write over it.
        try fill(catalogue, 5)
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite-wal")) <= log)
    }

    /// Connections that only read leave the log to those who write, even the last of them.
    @Test func readersDoNotMoveTheLog() throws {
        let catalogue = try open(deadline: 5)
        try fill(catalogue, 0)
        let log = try Kernel.fileSize(directory.file("catalog.sqlite-wal"))
        do {
            let lookup = try catalogue.makeHeldLookup()
            let key = ObjectKey(.chunk, try SHA256().digest(Array("0/0".utf8)))
            #expect(try lookup.isHeld(key, scope: .public))
            catalogue.close()
            #expect(try lookup.isHeld(key, scope: .public))
        }
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite-wal")) == log)
        let again = try open(deadline: 5)
        try again.copy(to: directory.file("copy"))
        again.close()
        #expect(try Kernel.fileSize(directory.file("catalog.sqlite-wal")) == log)
        #expect(Catalogue.isSound(copy: directory.file("copy")))
    }
}
