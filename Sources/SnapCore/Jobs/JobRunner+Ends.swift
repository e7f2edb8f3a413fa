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
                return try turnAround(job, record: record, tx)
            case .set(let replaced):
                try publish(commit, job: job, org: draft.org, tx)
                result = JobResult(record: job.record, errorCode: nil, errorMessage: nil, replaced: replaced)
            }
        }
        if job.state == .running {
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

    /// Somebody else committed the same content under the tag meanwhile: a success, with nothing of ours kept.
    private func turnAround(_ job: JobRow, record: [UInt8], _ tx: WriteAccess) throws {
        var job = job
        job.state = .undoing
        job.errorCode = JobRunner.sameContent
        job.errorMessage = RecordID(bytes: record)?.description
        try tx.updateJob(job)
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
