internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

// How jobs end.

extension JobRunner {
    /// Ends a job whose references are all counted, if the transaction has room for that; otherwise the next one does.
    func end(_ job: JobRow, rowsLeft: Int, _ tx: WriteAccess) throws {
        let draft = try JobDraft.decode(job.draft)
        let room = rowsLeft - 16 - (draft.commit?.labels.count ?? 0) - (draft.commit?.revival?.tags.count ?? 0)
        guard room > 0 else { return }
        // An attach that is undone leaves rows there when a node above them cannot be read any more.
        guard try tx.deleteFrontier(job: job.id, limit: room) < room else { return }
        try finish(job, draft, tx)
    }

    /// Writes what a job is for.
    private func finish(_ job: JobRow, _ draft: JobDraft, _ tx: WriteAccess) throws {
        var result = JobResult(
            record: job.record, errorCode: job.errorCode, errorMessage: job.errorMessage, replaced: nil)
        if let commit = draft.commit, job.state == .running {
            let verdict = try judge(commit, org: draft.org, tx)
            switch verdict {
            case .same(let record):
                let id = RecordID(bytes: record)?.description
                return try turnAround(job, code: JobRunner.sameContent, message: id, tx)
            case .set(let replaced):
                try publish(commit, job: job, org: draft.org, tx)
                result = JobResult(record: job.record, errorCode: nil, errorMessage: nil, replaced: replaced)
            }
        }
        if let publisher = draft.publisher, job.state == .running,
            let failure = try makePublic(job, org: draft.org, by: publisher, tx)
        {
            return try turnAround(job, code: failure.code, message: failure.message, tx)
        }
        // What is public is billed to nobody: whoever published it holds it, and pays for that.
        if job.state == .running, job.scope != .public {
            try tx.appendLedger(
                org: draft.org, stamp: job.stamp, bytes: job.bytes, record: job.record, cause: draft.cause)
        }
        try tx.insertJobResult(result, job: job.id, finishedMilliseconds: clock.milliseconds())
        try tx.deleteJob(job.id)
    }

    private func judge(_ commit: CommitDraft, org: Int64, _ tx: WriteAccess) throws -> TagRule.Verdict {
        guard let tag = commit.tag, let manifest = Digest(commit.manifest) else { return .set(replacing: nil) }
        return try TagRule.judge(
            name: commit.name, tag: tag, existing: tx.reading.tagged(org: org, name: commit.name, tag: tag),
            manifest: manifest, ifMatch: commit.ifMatch, force: commit.force)
    }

    /// Somebody else did the same meanwhile, or made it needless: nothing of ours is kept.
    private func turnAround(_ job: JobRow, code: String, message: String?, _ tx: WriteAccess) throws {
        var job = job
        job.state = .undoing
        job.errorCode = code
        job.errorMessage = message
        try tx.updateJob(job)
    }

    /// Lets every organisation see a snapshot. Returns why not, when it was deleted or published meanwhile.
    private func makePublic(_ job: JobRow, org: Int64, by publisher: EventAuthor, _ tx: WriteAccess) throws
        -> (code: String, message: String?)?
    {
        let id = RecordID(bytes: job.record)?.description ?? ""
        guard let record = try tx.reading.record(job.record), record.org == org else {
            return (StoreError.Code.notFound.rawValue, "The snapshot \(id) was deleted meanwhile.")
        }
        guard !record.isPublic else { return (JobRunner.sameContent, id) }
        try tx.setVisibility(.public, record: job.record)
        try tx.note("snapshot.publish", target: id, org: org, by: publisher, at: clock.milliseconds())
        return nil
    }

    /// The error code of a job that found its content committed already; its message is that record's id.
    static let sameContent = "same_content"

    private func publish(_ commit: CommitDraft, job: JobRow, org: Int64, _ tx: WriteAccess) throws {
        let record = try commit.record(id: job.record, org: org, newBytes: job.bytes)
        try tx.insertRecord(record, labels: commit.labels.map { ($0.key, $0.value) })
        if let tag = commit.tag {
            _ = try tx.setTag(org: org, name: commit.name, tag: tag, record: job.record)
        }
        if let author = commit.author {
            try tx.note(
                "snapshot.create", target: RecordID(bytes: job.record)?.description ?? "", org: org, by: author,
                at: clock.milliseconds())
        }
        if let revival = commit.revival { try revive(revival, as: job.record, org: org, tx) }
    }

    private func revive(_ revival: CommitDraft.Revival, as record: [UInt8], org: Int64, _ tx: WriteAccess) throws {
        guard let id = RecordID(revival.id), try tx.forgetDeleted(id.bytes) else {
            throw StoreError(.preconditionFailed, "The snapshot \(revival.id) is back already, or was collected.")
        }
        for tag in revival.tags where try tx.reading.tag(org: org, name: tag.name, tag: tag.tag) == nil {
            _ = try tx.setTag(org: org, name: tag.name, tag: tag.tag, record: record)
        }
    }
}
