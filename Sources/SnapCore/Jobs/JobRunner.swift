internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapModel
internal import SnapPacks

/// Works off the queue of a scope, batch by batch.
///
/// Any process may do so at any time, several at once: a batch reads what it needs from the job's rows inside its
/// transaction, so one that comes too late finds its work done. A process that dies leaves rows that the next one
/// continues.
struct JobRunner: Sendable {
    let catalogue: Catalogue
    let frames: FrameReader
    let backend: any PackBackend
    let clock: StoreClock

    /// Works off every job of `scope` up to and including `last`, or all of them.
    ///
    /// - Parameters:
    ///   - uploads: What the session of job `last` has written, where this process knows.
    ///   - onSettling: Told of each job of somebody else's that is worked off first.
    ///   - onUnreadable: Told how many nodes were let go that cannot be read, so that what they name stays held.
    func settle(
        scope: ScopeID, through last: Int64? = nil, session: Int64? = nil, uploads: SessionUploads? = nil,
        onSettling: (String) -> Void = { _ in }, onUnreadable: (Int) -> Void = { _ in }
    ) throws {
        var announced: Int64?
        var foreign: (session: Int64, uploads: SessionUploads)?
        var budget = BatchBudget()
        while let job = try catalogue.read({ try $0.firstJob(scope: scope) }), job.id <= last ?? .max {
            if job.id != last, announced != job.id {
                announced = job.id
                onSettling(job.label)
            }
            var known = job.session == session ? uploads : nil
            if known == nil, let owner = job.session {
                if foreign?.session != owner { foreign = (owner, try uploadsOfAnother(owner)) }
                known = foreign?.uploads
            }
            let objects = JobObjects(
                catalogue: catalogue, frames: frames, scope: scope, session: job.session, uploads: known)
            onUnreadable(try step(job, objects, &budget))
        }
    }

    /// What a session of another process has written: its packs say so in their footers.
    private func uploadsOfAnother(_ session: Int64) throws -> SessionUploads {
        let uploads = SessionUploads()
        for pack in try catalogue.read({ try $0.packs(session: session) }) {
            guard let id = PackID(bytes: pack.uid), let scope = try catalogue.read({ try $0.scope(pack.scope) }) else {
                continue
            }
            let rows = try catalogue.read { try $0.frames(pack: pack.id) }.map(\.id)
            // A pack without frames was announced and not sealed: nothing in it counts.
            guard !rows.isEmpty else { continue }
            do {
                let index = try PackIndex.read(backend: backend, scope: scope.name, id: id)
                uploads.seal(PackRegistration.places(index, frames: rows))
            } catch  where StoreError.isUnreadable(error) {
                // The commit that needs it is refused; the queue goes on.
                continue
            }
        }
        return uploads
    }

    /// One batch of a job that was first in its queue a moment ago. Returns how many of the nodes that it let go cannot
    /// be read.
    private func step(_ seen: JobRow, _ objects: JobObjects, _ budget: inout BatchBudget) throws -> Int {
        let rowsMax = budget.rows
        let isAttach = seen.kind == .attach && seen.state == .running
        do {
            let ahead: Ahead
            do {
                ahead = try readAhead(seen, objects, rows: rowsMax)
            } catch  where isAttach && StoreError.isUnreadable(error) {
                // Or the queue would wait for a disk that may never give it back.
                try refuse(seen, StoreError(mapping: error))
                return 0
            }
            // Nobody is told of what a batch has counted, and one that a power cut takes back is counted again: only the
            // last one, which makes the job's result visible, is waited for.
            return try budget.write(catalogue, "job", isSynced: ahead.isLast) { tx in
                guard let job = try tx.reading.firstJob(scope: seen.scope), job.id == seen.id else { return 0 }
                let expanded = try batch(job, objects, ahead, rowsMax: rowsMax, tx)
                return ahead.unreadable.intersection(expanded).count
            }
        } catch {
            let error = StoreError(mapping: error)
            guard isAttach, Self.refusals.contains(error.code) else { throw error }
            try refuse(seen, error)
            return 0
        }
    }

    /// Errors that end an attach; any other leaves it to be continued.
    private static let refusals: Set<StoreError.Code> = [.incomplete, .preconditionFailed, .quotaExceeded, .corrupt]

    /// Returns the nodes whose children are counted now.
    private func batch(
        _ job: JobRow, _ objects: JobObjects, _ ahead: Ahead, rowsMax: Int, _ tx: WriteAccess
    ) throws -> Set<ObjectKey> {
        let firstRow = tx.rowsTouched
        if job.kind == .attach, job.state == .running, let session = job.session {
            // From here on the packs belong to the store: a session that dies must not take them along.
            if try tx.publishPacks(session: session, limit: 200) == 200 { return [] }
        }
        var batch = ReferenceBatch(
            tx: tx, job: job, objects: objects, children: ahead.children, nowMilliseconds: clock.milliseconds(),
            // The packs published above are rows of this transaction, too.
            rowsMax: rowsMax - (tx.rowsTouched - firstRow))
        if try batch.run(), ahead.isLast {
            try end(batch.job, rowsLeft: Catalogue.rowsPerTransactionMax - (tx.rowsTouched - firstRow), tx)
        }
        return batch.expanded
    }

    /// Turns an attach around: what it counted is taken back before the next job starts.
    private func refuse(_ seen: JobRow, _ error: StoreError) throws {
        try catalogue.write("refuse") { tx in
            guard var job = try tx.reading.job(seen.id), job.state == .running else { return }
            job.state = .undoing
            job.errorCode = error.code.rawValue
            job.errorMessage = error.hint.map { "\(error.message)\n\($0)" } ?? error.message
            try tx.updateJob(job)
        }
    }
}

// MARK: Ends

extension JobRunner {
    /// Ends a job whose references are all counted, if the transaction has room for that; otherwise the next one does.
    private func end(_ job: JobRow, rowsLeft: Int, _ tx: WriteAccess) throws {
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

// MARK: Reading ahead

extension JobRunner {
    /// Nodes that one batch takes up again.
    static let frontierMax = 64

    /// What a batch needs to know before its transaction.
    struct Ahead {
        var children: [ObjectKey: [ObjectKey]]
        /// Nodes among them that cannot be read.
        var unreadable: Set<ObjectKey>
        /// Whether nothing is left for another batch, if there is room enough in this one.
        var isLast: Bool
    }

    /// Reads the children of the nodes that the next batch will expand, before its transaction: no transaction waits
    /// for packs.
    ///
    /// - Parameter rows: What the transaction may touch; children are read for a fifth more.
    private func readAhead(_ job: JobRow, _ objects: JobObjects, rows: Int) throws -> Ahead {
        let isAttach = job.kind == .attach && job.state == .running
        var queue = try catalogue.read { tx in
            try tx.frontier(job: job.id, side: isAttach ? .attach : .detach, limit: Self.frontierMax).map(\.key)
        }
        let isAllOfFrontier = queue.count < Self.frontierMax
        if job.state == .undoing {
            queue += job.roots.prefix(job.nextRoot).reversed()
        } else {
            queue += job.roots.dropFirst(job.nextRoot)
        }
        var children: [ObjectKey: [ObjectKey]] = [:]
        var unreadable: Set<ObjectKey> = []
        var count = 0
        var next = 0
        while next < queue.count, count < rows + rows / 5 {
            let key = queue[next]
            next += 1
            guard key.kind.hasChildren, children[key] == nil else { continue }
            // A delete is always carried out: where a node cannot be read, the references of its children stay behind,
            // which is safe, and `fsck --repair` counts them anew.
            let found = try isAttach ? objects.children(of: key) : objects.readableChildren(of: key)
            if found == nil { unreadable.insert(key) }
            let list = found ?? []
            children[key] = list
            count += list.count
            queue += try objects.crossing(list.filter(\.kind.hasChildren), isAttach: isAttach)
        }
        return Ahead(children: children, unreadable: unreadable, isLast: isAllOfFrontier && next == queue.count)
    }
}
