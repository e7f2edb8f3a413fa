import GRDB
import SnapCatalogue
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Values that no statement could have written: `STRICT` and `NOT NULL` keep them out, a damaged page does not. Reading
/// one is an error that says so, and never a trap.
@Suite(.serialized) struct DamagedRowTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private let catalogue: Catalogue
    private let raw: DatabaseQueue
    private let key: ObjectKey
    private let uid = [UInt8](repeating: 1, count: 16)

    init() throws {
        key = ObjectKey(.tree, try SHA256().digest([1]))
        try Self.fill(directory.path, key: key, uid: uid)
        raw = try DatabaseQueue(path: directory.file("catalog.sqlite"))
        // As damage does: the values of a page are what they are, whatever the schema says.
        try raw.writeWithoutTransaction { db in
            try db.execute(sql: "DROP TRIGGER ledger_keep; DROP TRIGGER ledger_hold; PRAGMA writable_schema = ON")
            for part in [" NOT NULL", ", STRICT", " STRICT,", " STRICT", " CHECK (refs >= 0)", " CHECK (borrows >= 0)"]
            {
                try db.execute(
                    sql:
                        "UPDATE sqlite_schema SET sql = replace(sql, ?, '') WHERE type = 'table' AND name NOT LIKE 'grdb%'",
                    arguments: [part])
            }
            try db.execute(sql: "PRAGMA writable_schema = RESET; PRAGMA foreign_keys = OFF")
        }
        catalogue = try Catalogue.open(directory: directory.path, create: false, disk: Disk())
    }

    /// A row in each table.
    private static func fill(_ directory: String, key: ObjectKey, uid: [UInt8]) throws {
        let catalogue = try Catalogue.open(directory: directory, create: true, disk: Disk())
        defer { catalogue.close() }
        try catalogue.write("fill") { tx in
            let org = try tx.insertOrg(named: "acme", createdMilliseconds: 1)
            let session = try tx.insertSession(uid: "s", kind: "create", scope: org.scope, startedMilliseconds: 1)
            let pack = try tx.insertPack(uid: uid, scope: org.scope, session: session.id, state: .live)
            let frame = try tx.insertFrame(
                FrameRow(
                    id: 0, pack: pack, number: 0, offset: 16, storedBytes: 10, rawBytes: 10, codec: 0, checksum: uid))
            let place = ObjectPlace(key: key, length: 10, frame: frame, position: 0)
            try tx.insertObject(place, scope: .public, refs: 0)
            try tx.letGo(key, scope: .public, sequence: 1, milliseconds: 1)
            _ = try tx.markBad(key, scope: .public, frame: frame, true)
            try tx.insertUpload(place, session: session.id)
            try tx.insertRecord(
                RecordRow(
                    uid: uid, org: org.id, name: "n", manifest: key.digest, object: key.digest, kind: "directory",
                    visibility: "organization", parent: uid, creator: "c", createdMilliseconds: 1, logicalBytes: 1,
                    uniqueBytes: 1, newBytes: 1, storedBytes: 1, fileCount: 1, chunkCount: 1),
                labels: [("k", "v")])
            _ = try tx.setTag(org: org.id, name: "n", tag: "t", record: uid)
            let job = try tx.insertJob(
                JobRow(
                    id: 0, scope: org.scope, kind: .attach, state: .running, stamp: 1, session: session.id, record: uid,
                    label: "l", roots: [key], nextRoot: 0, bytes: 0, draft: "{}", errorCode: nil, errorMessage: nil))
            for side in [FrontierRow.Side.attach, .detach] {
                try tx.setFrontier(FrontierRow(side: side, key: key, nextChild: 0), job: job)
            }
            try tx.insertJobResult(
                JobResult(record: uid, errorCode: "e", errorMessage: "m", replaced: key.digest), job: job,
                finishedMilliseconds: 1)
            _ = try tx.stamp(LedgerClock.Reading(bootID: "b", bootNanoseconds: 1, wallNanoseconds: 1))
            try tx.appendLedger(org: org.id, stamp: 1, bytes: 1, record: uid, cause: "c")
            try tx.insertToken(
                TokenRow(
                    uid: "u", digest: key.digest, org: org.id, subject: "s", scopes: "read:usage",
                    createdMilliseconds: 1, expiresMilliseconds: 1, revokedMilliseconds: 1))
            try tx.insertEvent(
                EventRow(
                    milliseconds: 1, org: org.id, subject: "s", action: "a", target: "t", result: "ok", request: "r"))
        }
    }

    /// Everything that can be asked.
    private var questions: [(ReadAccess) throws -> Void] {
        let (key, uid) = (key, uid)
        return [
            { _ = try $0.scopes() }, { _ = try $0.scope(.public) }, { _ = try $0.orgs() },
            { _ = try $0.org(named: "acme") }, { _ = try $0.sessions() }, { _ = try $0.sequence() },
            { _ = try $0.object(key, scope: .public) }, { _ = try $0.objects(scope: .public, after: nil, limit: 9) },
            { _ = try $0.condemned(scope: .public, before: .max, orTime: .max, limit: 9) },
            { _ = try $0.condemnedTotals(scope: .public) }, { _ = try $0.badObjects(scope: .public, limit: 9) },
            { _ = try $0.frame(1) }, { _ = try $0.frames(pack: 1) }, { _ = try $0.pack(1) },
            { _ = try $0.pack(uid: uid) }, { _ = try $0.packs() }, { _ = try $0.packs(session: 1) },
            { _ = try $0.upload(key, session: 1) }, { _ = try $0.record(uid) }, { _ = try $0.records(org: 1) },
            { _ = try $0.records(org: 1, manifestFrom: key.digest, to: key.digest) }, { _ = try $0.allRecords() },
            { _ = try $0.names(org: 1) }, { _ = try $0.tag(org: 1, name: "n", tag: "t") },
            { _ = try $0.tags(record: uid) }, { _ = try $0.labels(record: uid) },
            { _ = try $0.firstJob(scope: ScopeID(2)) }, { _ = try $0.jobs() }, { _ = try $0.job(1) },
            { _ = try $0.hasJob(session: 1) }, { _ = try $0.jobResult(1) },
            { _ = try $0.frontier(job: 1, side: .attach, limit: 9) },
            { _ = try $0.frontier(job: 1, side: .detach, limit: 9) },
            { _ = try $0.frontierRow(job: 1, side: .attach, key: key) }, { _ = try $0.ledger(org: 1) },
            { _ = try $0.lastLedgerRow(org: 1) }, { _ = try $0.ledgerClock() },
            { _ = try $0.token(digest: key.digest) }, { _ = try $0.token(uid: "u") }, { _ = try $0.tokens(org: 1) },
            { _ = try $0.events(org: 1, after: 0, limit: 9) },
        ]
    }

    /// How many questions are answered with damage; every other is answered.
    private func damageFound(_ what: String) throws -> Int {
        var found = 0
        for question in questions {
            do {
                try catalogue.read(question)
            } catch let error as CatalogueError {
                #expect(error.code == .corrupt, "\(what): \(error)")
                found += 1
            }
        }
        return found
    }

    private static let values = [
        "NULL", "'text'", "x'00'", "x''", "9223372036854775807", "-9223372036854775808", "1e300", "-1",
    ]

    @Test func anyValueInAnyColumn() throws {
        #expect(try damageFound("as filled") == 0)
        let tables = try raw.read { db in
            try String.fetchAll(
                db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_%' ESCAPE '\\'")
        }
        #expect(tables.count == 16)
        var found = 0
        var written = 0
        for table in tables + ["job_result", "ledger_clock"] {
            let columns = try raw.read { db in try db.columns(in: table).map(\.name) }
            for column in columns {
                try raw.writeWithoutTransaction {
                    try $0.execute(sql: "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM \(table)")
                }
                for value in Self.values {
                    // Keys of a table without row numbers cannot be NULL, and must differ.
                    guard (try? set(table, column, value)) != nil else { continue }
                    written += 1
                    found += try damageFound("\(table).\(column) = \(value)") > 0 ? 1 : 0
                }
                try raw.writeWithoutTransaction {
                    try $0.execute(sql: "DELETE FROM \(table); INSERT INTO \(table) SELECT * FROM kept")
                }
            }
        }
        #expect(try damageFound("at the end") == 0)
        print("damaged rows: \(written) values written, \(found) found, the others read as values")
        #expect(written > 500 && found > 200)
    }

    private func set(_ table: String, _ column: String, _ value: String) throws {
        try raw.writeWithoutTransaction { try $0.execute(sql: "UPDATE \(table) SET \(column) = \(value)") }
    }

    /// A column that is gone, as after damage to the schema's own page.
    @Test func aColumnThatIsGone() throws {
        for (table, column) in [("object", "position"), ("frame", "checksum"), ("record", "name"), ("job", "roots")] {
            try raw.writeWithoutTransaction {
                try $0.execute(sql: "ALTER TABLE \(table) RENAME COLUMN \(column) TO other")
            }
            var errors = 0
            for question in questions {
                do { try catalogue.read(question) } catch is CatalogueError { errors += 1 }
            }
            #expect(errors > 0)
            try raw.writeWithoutTransaction {
                try $0.execute(sql: "ALTER TABLE \(table) RENAME COLUMN other TO \(column)")
            }
        }
    }

    @Test func aLedgerAtItsEnd() throws {
        try set("ledger", "number", "9223372036854775807")
        #expect {
            try catalogue.write("test") { tx in
                try tx.appendLedger(org: 1, stamp: 2, bytes: 1, record: [1], cause: "c")
            }
        } throws: { error in
            (error as? CatalogueError)?.code == .corrupt
        }
    }
}
