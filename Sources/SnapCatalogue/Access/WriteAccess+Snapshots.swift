internal import FoundationEssentials
internal import GRDB
internal import SnapDigest
package import SnapModel

// MARK: Snapshots

extension WriteAccess {
    package func insertRecord(_ record: RecordRow, labels: [(key: String, value: String)]) throws {
        try run(
            "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                Data(record.uid), record.org, record.name, record.manifest.databaseBlob, record.object.databaseBlob,
                record.kind, record.visibility, record.parent.map { Data($0) }, record.creator,
                record.createdMilliseconds, record.logicalBytes, record.uniqueBytes, record.newBytes,
                record.storedBytes, record.fileCount, record.chunkCount, record.isProtected ? 1 : 0,
                record.expiresMilliseconds,
            ])
        for label in labels {
            try run("INSERT INTO label VALUES (?, ?, ?)", [Data(record.uid), label.key, label.value])
        }
    }

    /// Removes a snapshot with its tags and labels; what it holds is detached by a job.
    package func deleteRecord(_ uid: [UInt8]) throws {
        try run("DELETE FROM tag WHERE record = ?", [Data(uid)])
        try run("DELETE FROM label WHERE record = ?", [Data(uid)])
        try run("DELETE FROM record WHERE uid = ?", [Data(uid)])
    }

    /// Removes up to `limit` tags of a snapshot. Returns how many.
    package func deleteTags(record: [UInt8], limit: Int) throws -> Int {
        try run(
            """
            DELETE FROM tag WHERE (org, name, tag) IN (SELECT org, name, tag FROM tag WHERE record = ? LIMIT ?)
            """, [Data(record), limit])
        return db.changesCount
    }

    /// Points a tag at a snapshot, under a new version.
    package func setTag(org: Int64, name: String, tag: String, record: [UInt8]) throws -> Int64 {
        let version = try nextSequence()
        try run(
            """
            INSERT INTO tag VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (org, name, tag) DO UPDATE SET record = excluded.record, version = excluded.version
            """, [org, name, tag, Data(record), version])
        return version
    }

    package func deleteTag(org: Int64, name: String, tag: String) throws {
        try run("DELETE FROM tag WHERE org = ? AND name = ? AND tag = ?", [org, name, tag])
    }
}

// MARK: Jobs

extension WriteAccess {
    /// Queues a job behind those of its scope. `id` and `state` of the row given are ignored.
    package func insertJob(_ job: JobRow) throws -> Int64 {
        try run(
            """
            INSERT INTO job (scope, kind, state, stamp, session, record, label, roots, draft, phase)
            VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                job.scope.rawValue, job.kind.rawValue, job.stamp, job.session, Data(job.record), job.label,
                JobRow.bytes(of: job.roots), job.draft, job.phase.rawValue,
            ])
        return db.lastInsertedRowID
    }

    /// Writes what a batch changed of a job.
    package func updateJob(_ job: JobRow) throws {
        try run(
            """
            UPDATE job SET state = ?, next_root = ?, bytes = ?, error_code = ?, error_message = ?, phase = ?,
                counted_chunk = ?
            WHERE id = ?
            """,
            [
                job.state.rawValue, job.nextRoot, job.bytes, job.errorCode, job.errorMessage, job.phase.rawValue,
                job.countedChunk?.databaseBlob, job.id,
            ])
    }

    package func deleteJob(_ id: Int64) throws {
        try run("DELETE FROM job WHERE id = ?", [id])
    }

    package func insertJobResult(_ result: JobResult, job: Int64, finishedMilliseconds: Int64) throws {
        try run(
            "INSERT INTO job_result VALUES (?, ?, ?, ?, ?, ?)",
            [
                job, Data(result.record), result.errorCode, result.errorMessage, result.replaced?.databaseBlob,
                finishedMilliseconds,
            ])
    }

    /// Forgets up to 500 results that ended before a time.
    package func deleteJobResults(finishedBefore milliseconds: Int64) throws {
        try run(
            "DELETE FROM job_result WHERE job IN (SELECT job FROM job_result WHERE finished_ms < ? LIMIT 500)",
            [milliseconds])
    }

    package func setFrontier(_ row: FrontierRow, job: Int64) throws {
        try run(
            """
            INSERT INTO frontier VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (job, side, kind, digest) DO UPDATE SET next_child = excluded.next_child
            """,
            [job, row.side.rawValue, Int64(row.key.kind.rawValue), row.key.digest.databaseBlob, row.nextChild])
    }

    /// Forgets up to `limit` nodes of a job. Returns how many.
    package func deleteFrontier(job: Int64, limit: Int) throws -> Int {
        try run(
            """
            DELETE FROM frontier WHERE job = ?1 AND (side, kind, digest) IN
                (SELECT side, kind, digest FROM frontier WHERE job = ?1 LIMIT ?2)
            """, [job, limit])
        return db.changesCount
    }

    /// Says whether the row was there.
    @discardableResult
    package func deleteFrontier(_ key: ObjectKey, side: FrontierRow.Side, job: Int64) throws -> Bool {
        try run(
            "DELETE FROM frontier WHERE job = ? AND side = ? AND kind = ? AND digest = ?",
            [job, side.rawValue, Int64(key.kind.rawValue), key.digest.databaseBlob])
        return db.changesCount == 1
    }
}

// MARK: Ledger

extension WriteAccess {
    /// Moves the ledger's clock to `reading`, keeps it, and returns the stamp in nanoseconds.
    package func stamp(_ reading: LedgerClock.Reading) throws -> Int64 {
        var clock = try self.reading.ledgerClock() ?? LedgerClock(startingAt: reading)
        let stamp = clock.stamp(at: reading)
        try run(
            """
            INSERT INTO ledger_clock VALUES (1, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET boot_id = excluded.boot_id, boot_nanoseconds = excluded.boot_nanoseconds,
                ledger_nanoseconds = excluded.ledger_nanoseconds, flagged = excluded.flagged
            """, [clock.bootID, clock.bootNanoseconds, clock.ledgerNanoseconds, clock.flag.rawValue])
        return stamp
    }

    /// Appends a row to an organisation's ledger: its chain is SHA-256 over the chain before and the row's fields.
    package func appendLedger(org: Int64, stamp: Int64, bytes: Int64, record: [UInt8], cause: String) throws {
        let last = try reading.lastLedgerRow(org: org)
        let (number, overflow) = (last?.number ?? 0).addingReportingOverflow(1)
        guard !overflow else {
            throw CatalogueError(.corrupt, "The ledger's last row has no number after it: run `snapstore fsck`.")
        }
        let chain = try LedgerChain.next(
            after: last?.chain, number: number, stamp: stamp, bytes: bytes, record: record, cause: cause)
        try run(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?)",
            [org, number, stamp, bytes, Data(record), cause, chain.databaseBlob])
    }
}
