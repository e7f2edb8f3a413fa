import GRDB
import SnapCatalogue
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// A flipped bit in SQLite's pages can turn a column to another type, to NULL, or to a number that cannot be: an error
/// that names the catalogue, never a trap.
@Suite(.serialized) struct DamagedRowTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// Makes a catalogue with one row of each table, and changes a column as SQLite itself would not let anybody.
    private func damaged(_ table: String, _ change: String) throws -> Catalogue {
        let catalogue = try Catalogue.open(directory: directory.path, create: true, disk: Disk())
        let digest = try SHA256().digest([1])
        try catalogue.write("test") { tx in
            let org = try tx.insertOrg(named: "local", createdMilliseconds: 1)
            let session = try tx.insertSession(uid: "s", kind: "create", scope: org.scope, startedMilliseconds: 1)
            let uid = [UInt8](repeating: 1, count: 16)
            let pack = try tx.insertPack(uid: uid, scope: org.scope, session: session.id, state: .live)
            let frame = try tx.insertFrame(
                FrameRow(
                    id: 0, pack: pack, number: 0, offset: 16, storedBytes: 1, rawBytes: 1, codec: 0,
                    checksum: [UInt8](repeating: 0, count: 16)))
            let place = ObjectPlace(key: ObjectKey(.chunk, digest), length: 1, frame: frame, position: 0)
            try tx.insertObject(place, scope: org.scope, refs: 1)
            try tx.insertUpload(place, session: session.id)
            try tx.insertRecord(
                RecordRow(
                    uid: uid, org: org.id, name: "t", manifest: digest, object: digest, kind: "directory",
                    visibility: "organization", parent: uid, creator: "c", createdMilliseconds: 1, logicalBytes: 1,
                    uniqueBytes: 1, newBytes: 1, storedBytes: 1, fileCount: 1, chunkCount: 1),
                labels: [("key", "value")])
            _ = try tx.setTag(org: org.id, name: "t", tag: "1", record: uid)
            let stamp = try tx.stamp(.init(bootID: "b", bootNanoseconds: 1, wallNanoseconds: 1))
            let job = try tx.insertJob(
                JobRow(
                    id: 0, scope: org.scope, kind: .attach, state: .running, stamp: stamp, session: session.id,
                    record: uid, label: "l", roots: [place.key], nextRoot: 0, bytes: 0, draft: "{}", errorCode: "e",
                    errorMessage: "m"))
            try tx.setFrontier(FrontierRow(side: .attach, key: place.key, nextChild: 0), job: job)
            let result = JobResult(record: uid, errorCode: "e", errorMessage: "m", replaced: digest)
            try tx.insertJobResult(result, job: 77, finishedMilliseconds: 1)
            try tx.appendLedger(org: org.id, stamp: stamp, bytes: 1, record: uid, cause: "create")
        }
        catalogue.close()
        let raw = try DatabaseQueue(path: directory.file("catalog.sqlite"))
        try raw.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA writable_schema = ON")
            try db.execute(
                sql: """
                    UPDATE sqlite_master SET sql = replace(replace(sql, ' NOT NULL', ''), 'STRICT', '')
                    WHERE name = '\(table)' AND sql NOT LIKE '%WITHOUT ROWID%';
                    UPDATE sqlite_master SET sql = replace(replace(sql, ' NOT NULL', ''), 'STRICT, WITHOUT', 'WITHOUT')
                    WHERE name = '\(table)' AND sql LIKE '%WITHOUT ROWID%';
                    DROP TRIGGER IF EXISTS ledger_keep;
                    """)
        }
        try raw.close()
        let again = try DatabaseQueue(path: directory.file("catalog.sqlite"))
        try again.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
            try db.execute(sql: "UPDATE \(table) SET \(change)")
        }
        try again.close()
        return try Catalogue.open(directory: directory.path, create: false, disk: Disk())
    }

    /// Reads every row there is, each way there is.
    private func readAll(_ catalogue: Catalogue) throws {
        let digest = try SHA256().digest([1])
        let key = ObjectKey(.chunk, digest)
        try catalogue.read { tx in
            var first: (any Error)?
            func attempt(_ body: () throws -> Void) { do { try body() } catch { first = first ?? error } }
            attempt { _ = try tx.scopes() }
            attempt { _ = try tx.orgs() }
            attempt { _ = try tx.sessions() }
            attempt { _ = try tx.sequence() }
            for scope in [ScopeID(1), ScopeID(2)] {
                attempt { _ = try tx.objects(scope: scope, after: nil, limit: 10) }
                attempt { _ = try tx.object(key, scope: scope) }
                attempt { _ = try tx.condemnedTotals(scope: scope) }
                attempt { _ = try tx.firstJob(scope: scope) }
            }
            attempt { _ = try tx.packs() }
            attempt { _ = try tx.frame(1) }
            attempt { _ = try tx.upload(key, session: 1) }
            attempt { _ = try tx.allRecords() }
            attempt { _ = try tx.names(org: 1) }
            attempt { _ = try tx.tag(org: 1, name: "t", tag: "1") }
            attempt { _ = try tx.labels(record: [UInt8](repeating: 1, count: 16)) }
            attempt { _ = try tx.jobs() }
            attempt { _ = try tx.frontier(job: 1, side: .attach, limit: 10) }
            attempt { _ = try tx.jobResult(77) }
            attempt { _ = try tx.ledger(org: 1) }
            attempt { _ = try tx.ledgerClock() }
            if let first { throw first }
        }
    }

    @Test(arguments: [
        ("object", "length = NULL"), ("object", "refs = 'x'"), ("object", "position = x'00'"),
        ("object", "frame = 'x'"),
        ("object", "condemned = 'x'"), ("object", "bad = NULL"), ("object", "borrows = NULL"),
        ("frame", "pack = NULL"), ("frame", "raw_bytes = -1"), ("frame", "checksum = NULL"), ("frame", "offset = 'x'"),
        ("pack", "scope = NULL"), ("pack", "session = 'x'"), ("pack", "live_bytes = NULL"), ("pack", "uid = 5"),
        ("scope", "held_bytes = NULL"), ("scope", "name = NULL"), ("org", "scope = NULL"),
        ("session", "start_sequence = NULL"), ("session", "uid = NULL"), ("upload", "frame = NULL"),
        ("record", "name = NULL"), ("record", "parent = 5"), ("record", "creator = x'00ff'"),
        ("record", "created_ms = 'x'"), ("record", "kind = NULL"), ("tag", "version = NULL"),
        ("label", "value = NULL"), ("job", "stamp = NULL"), ("job", "session = 'x'"), ("job", "draft = x'00ff'"),
        ("job", "label = NULL"), ("job", "next_root = 5"), ("job", "next_root = -1"), ("job", "error_code = x'00ff'"),
        ("frontier", "next_child = NULL"), ("frontier", "next_child = -2"), ("job_result", "error_code = x'00ff'"),
        ("ledger", "bytes = NULL"), ("ledger", "cause = NULL"), ("ledger_clock", "boot_id = NULL"),
        ("counter", "value = NULL"),
    ]) func aDamagedRowIsAnError(table: String, change: String) throws {
        let catalogue = try damaged(table, change)
        #expect {
            try readAll(catalogue)
        } throws: { ($0 as? CatalogueError)?.code == .corrupt }
    }
}
