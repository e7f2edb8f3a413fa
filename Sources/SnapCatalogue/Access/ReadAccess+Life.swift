internal import FoundationEssentials
internal import GRDB

// What becomes of snapshots.

extension ReadAccess {
    /// Up to 1,000 snapshots of an organisation whose time has come and that are not protected, the longest first.
    package func expiredRecords(org: Int64, until milliseconds: Int64) throws -> [RecordRow] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM record WHERE expires_ms <= ? AND org = ? AND protected = 0 ORDER BY expires_ms LIMIT 1000
                """, arguments: [milliseconds, org]
        ).map(RecordRow.init)
    }

    /// What is remembered of snapshots that were deleted, the last first.
    package func deletedRecords(org: Int64) throws -> [DeletedRecordRow] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM deleted_record WHERE org = ? ORDER BY deleted_ms DESC, uid", arguments: [org]
        ).map(DeletedRecordRow.init)
    }

    package func deletedRecord(_ uid: [UInt8]) throws -> DeletedRecordRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM deleted_record WHERE uid = ?", arguments: [Data(uid)])
            .map(DeletedRecordRow.init)
    }
}

extension DeletedRecordRow {
    init(_ row: Row) throws {
        let record = RecordRow(
            uid: try row.bytes("uid"), org: try row.get("org"), name: try row.get("name"),
            manifest: try row.digest("manifest"), object: try row.digest("object"), kind: try row.get("kind"),
            visibility: "organization", parent: (try row.optional("parent") as Data?).map { Array($0) },
            creator: try row.optional("creator"), createdMilliseconds: 0,
            logicalBytes: try row.get("logical_bytes"), uniqueBytes: try row.get("unique_bytes"), newBytes: 0,
            storedBytes: 0, fileCount: try row.get("file_count"), chunkCount: try row.get("chunk_count"))
        self.init(
            record, tags: try row.get("tags"), labels: try row.get("labels"),
            deletedMilliseconds: try row.get("deleted_ms"))
    }
}
