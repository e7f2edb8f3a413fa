internal import FoundationEssentials
internal import GRDB
package import SnapDigest
package import SnapModel

// MARK: Snapshots, tags, labels

extension ReadAccess {
    package func hasRecord(manifest: Digest, org: Int64) throws -> Bool {
        try Int.fetchOne(
            db, sql: "SELECT 1 FROM record WHERE manifest = ? AND org = ? LIMIT 1",
            arguments: [manifest.databaseBlob, org]) != nil
    }

    package func record(_ uid: [UInt8]) throws -> RecordRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM record WHERE uid = ?", arguments: [Data(uid)]).map(RecordRow.init)
    }

    /// Snapshots of an organisation, newest first; all names, or one.
    package func records(org: Int64, name: String? = nil) throws -> [RecordRow] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM record WHERE org = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY created_ms DESC, uid
                """, arguments: [org, name]
        ).map(RecordRow.init)
    }

    /// Every snapshot of the store.
    package func allRecords() throws -> [RecordRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM record ORDER BY created_ms, uid").map(RecordRow.init)
    }

    /// Snapshots whose manifest digest lies between two bounds, both included: an exact digest, or a prefix filled up
    /// with zeros and with ones.
    package func records(org: Int64, manifestFrom low: Digest, to high: Digest) throws -> [RecordRow] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM record WHERE org = ? AND manifest BETWEEN ? AND ? ORDER BY created_ms DESC, uid LIMIT 100
                """, arguments: [org, low.databaseBlob, high.databaseBlob]
        ).map(RecordRow.init)
    }

    package func names(org: Int64) throws -> [String] {
        try String.fetchAll(db, sql: "SELECT DISTINCT name FROM record WHERE org = ? ORDER BY name", arguments: [org])
    }

    package func tag(org: Int64, name: String, tag: String) throws -> TagRow? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM tag WHERE org = ? AND name = ? AND tag = ?", arguments: [org, name, tag]
        ).map(TagRow.init)
    }

    package func tags(record: [UInt8]) throws -> [TagRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM tag WHERE record = ? ORDER BY name, tag", arguments: [Data(record)])
            .map(TagRow.init)
    }

    package func labels(record: [UInt8]) throws -> [(key: String, value: String)] {
        try Row.fetchAll(
            db, sql: "SELECT key, value FROM label WHERE record = ? ORDER BY key", arguments: [Data(record)]
        ).map { (try $0.get("key"), try $0.get("value")) }
    }
}

// MARK: Jobs and ledger

extension ReadAccess {
    /// The job of a scope that is next, or under way.
    package func firstJob(scope: ScopeID) throws -> JobRow? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM job WHERE scope = ? ORDER BY id LIMIT 1", arguments: [scope.rawValue]
        ).map(JobRow.init)
    }

    /// The number of the newest job that there ever was: rises with every commit and delete.
    package func lastJob() throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'job'") ?? 0
    }

    package func jobs() throws -> [JobRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM job ORDER BY id").map(JobRow.init)
    }

    package func job(_ id: Int64) throws -> JobRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id]).map(JobRow.init)
    }

    package func hasJob(session: Int64) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT 1 FROM job WHERE session = ? LIMIT 1", arguments: [session]) != nil
    }

    package func jobResult(_ job: Int64) throws -> JobResult? {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM job_result WHERE job = ?", arguments: [job]) else {
            return nil
        }
        let replaced: Data? = try row.optional("replaced")
        return JobResult(
            record: try row.bytes("record"), errorCode: try row.optional("error_code"),
            errorMessage: try row.optional("error_message"),
            replaced: try replaced == nil ? nil : row.digest("replaced"))
    }

    package func frontier(job: Int64, side: FrontierRow.Side, limit: Int) throws -> [FrontierRow] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM frontier WHERE job = ? AND side = ? LIMIT ?",
            arguments: [job, side.rawValue, limit]
        ).map { try FrontierRow($0, side: side) }
    }

    package func frontierRow(job: Int64, side: FrontierRow.Side, key: ObjectKey) throws -> FrontierRow? {
        let statement = try db.cachedStatement(
            sql: "SELECT * FROM frontier WHERE job = ? AND side = ? AND kind = ? AND digest = ?")
        return try Row.fetchOne(
            statement, arguments: [job, side.rawValue, Int64(key.kind.rawValue), key.digest.databaseBlob]
        ).map { try FrontierRow($0, side: side) }
    }

    package func ledger(org: Int64) throws -> [LedgerRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM ledger WHERE org = ? ORDER BY number", arguments: [org])
            .map(LedgerRow.init)
    }

    package func lastLedgerRow(org: Int64) throws -> LedgerRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM ledger WHERE org = ? ORDER BY number DESC LIMIT 1", arguments: [org])
            .map(LedgerRow.init)
    }

    package func ledgerClock() throws -> LedgerClock? {
        try Row.fetchOne(db, sql: "SELECT * FROM ledger_clock").map { row in
            LedgerClock(
                bootID: try row.get("boot_id"), bootNanoseconds: try row.get("boot_nanoseconds"),
                ledgerNanoseconds: try row.get("ledger_nanoseconds"),
                flag: try row.value("flagged") { LedgerClock.Flag(rawValue: $0) })
        }
    }
}

extension RecordRow {
    init(_ row: Row) throws {
        self.init(
            uid: try row.bytes("uid"), org: try row.get("org"), name: try row.get("name"),
            manifest: try row.digest("manifest"), object: try row.digest("object"), kind: try row.get("kind"),
            visibility: try row.get("visibility"), parent: (try row.optional("parent") as Data?).map { Array($0) },
            creator: try row.optional("creator"), createdMilliseconds: try row.get("created_ms"),
            logicalBytes: try row.get("logical_bytes"), uniqueBytes: try row.get("unique_bytes"),
            newBytes: try row.get("new_bytes"), storedBytes: try row.get("stored_bytes"),
            fileCount: try row.get("file_count"), chunkCount: try row.get("chunk_count"))
        isProtected = try row.get("protected") as Int64 != 0
        expiresMilliseconds = try row.optional("expires_ms")
    }
}

extension TagRow {
    init(_ row: Row) throws {
        self.init(
            org: try row.get("org"), name: try row.get("name"), tag: try row.get("tag"),
            record: try row.bytes("record"), version: try row.get("version"))
    }
}

extension JobRow {
    init(_ row: Row) throws {
        let roots = try JobRow.roots(row.bytes("roots"))
        self.init(
            id: try row.get("id"), scope: ScopeID(try row.get("scope")),
            kind: try row.value("kind") { JobKind(rawValue: $0) },
            state: try row.value("state") { JobState(rawValue: $0) }, stamp: try row.get("stamp"),
            session: try row.optional("session"), record: try row.bytes("record"), label: try row.get("label"),
            roots: roots,
            nextRoot: try row.value("next_root") { (raw: Int64) in
                Int(exactly: raw).flatMap { (0...roots.count).contains($0) ? $0 : nil }
            }, bytes: try row.balance("bytes"), draft: try row.optional("draft"),
            errorCode: try row.optional("error_code"), errorMessage: try row.optional("error_message"))
        phase = try row.value("phase") { JobPhase(rawValue: $0) }
        countedChunk = try (row.optional("counted_chunk") as Data?).map { _ in try row.digest("counted_chunk") }
    }

    /// Keys one after another, a kind byte and 32 digest bytes each.
    static func roots(_ bytes: [UInt8]) throws -> [ObjectKey] {
        let size = 1 + Digest.byteCount
        guard bytes.count % size == 0 else { throw damaged }
        return try stride(from: 0, to: bytes.count, by: size).map { start in
            guard let kind = ObjectKind(rawValue: bytes[start]),
                let digest = Digest(bytes: bytes[(start + 1)..<(start + size)])
            else { throw damaged }
            return ObjectKey(kind, digest)
        }
    }

    static func bytes(of roots: [ObjectKey]) -> Data {
        var bytes = Data()
        for root in roots {
            bytes.append(root.kind.rawValue)
            bytes.append(root.digest.databaseBlob)
        }
        return bytes
    }

    private static var damaged: CatalogueError {
        CatalogueError(.corrupt, "The catalogue holds a job whose roots cannot be read: run `snapstore fsck`.")
    }
}

extension FrontierRow.Side {
    fileprivate var least: Int64 { self == .attach ? 0 : -1 }
}

extension FrontierRow {
    init(_ row: Row, side: Side) throws {
        self.init(
            side: side, key: try row.key(),
            // A detach has -1 where all children are still to be counted.
            nextChild: try row.value("next_child") { (raw: Int64) in
                Int(exactly: raw).flatMap { ($0 >= (side == .attach ? 0 : -1)) ? $0 : nil }
            })
    }
}

extension LedgerRow {
    init(_ row: Row) throws {
        self.init(
            org: try row.get("org"), number: try row.get("number"), stamp: try row.get("stamp"),
            bytes: try row.get("bytes"), record: try row.bytes("record"), cause: try row.get("cause"),
            chain: try row.digest("chain"))
    }
}
