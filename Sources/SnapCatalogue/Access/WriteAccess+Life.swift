internal import FoundationEssentials
internal import GRDB
package import SnapModel

// What becomes of snapshots.

extension WriteAccess {
    /// Keeps a snapshot from being deleted, or no longer. Says whether it is there.
    package func setProtected(_ isProtected: Bool, record: [UInt8]) throws -> Bool {
        try run("UPDATE record SET protected = ? WHERE uid = ?", [isProtected ? 1 : 0, Data(record)])
        return db.changesCount == 1
    }

    /// Sets the time from which on a collection deletes a snapshot; nil for never. Says whether it is there.
    package func setExpires(milliseconds: Int64?, record: [UInt8]) throws -> Bool {
        try run("UPDATE record SET expires_ms = ? WHERE uid = ?", [milliseconds, Data(record)])
        return db.changesCount == 1
    }

    /// Sets who may see a snapshot.
    package func setVisibility(_ visibility: SnapshotVisibility, record: [UInt8]) throws {
        try run("UPDATE record SET visibility = ? WHERE uid = ?", [visibility.rawValue, Data(record)])
    }

    /// Remembers a snapshot that is being deleted.
    package func insertDeleted(_ record: DeletedRecordRow) throws {
        try run(
            "INSERT OR REPLACE INTO deleted_record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                Data(record.uid), record.org, record.name, record.manifest.databaseBlob,
                record.object.databaseBlob, record.kind, record.parent.map { Data($0) }, record.creator,
                record.logicalBytes, record.uniqueBytes,
                record.fileCount, record.chunkCount, record.tags, record.labels, record.deletedMilliseconds,
            ])
    }

    /// Forgets a snapshot that was deleted. Says whether it was remembered.
    @discardableResult
    package func forgetDeleted(_ uid: [UInt8]) throws -> Bool {
        try run("DELETE FROM deleted_record WHERE uid = ?", [Data(uid)])
        return db.changesCount == 1
    }

    /// Forgets up to 500 snapshots of an organisation that were deleted at a time or before. Returns how many.
    package func forgetDeleted(org: Int64, until milliseconds: Int64) throws -> Int {
        try run(
            """
            DELETE FROM deleted_record WHERE uid IN
                (SELECT uid FROM deleted_record WHERE org = ? AND deleted_ms <= ? LIMIT 500)
            """, [org, milliseconds])
        return db.changesCount
    }
}
