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
    let limits: JobLimits

    /// Rows kept free for what a batch writes at its end: totals, the job, the frontier rows of its last node.
    static let reservedRows = 60

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
        var budget = BatchBudget(limits.rows)
        var plan: ChunkPlan?
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
            var objects = JobObjects(
                catalogue: catalogue, frames: frames, scope: scope, session: job.session, uploads: known)
            // Only a rebuild commits without a session.
            objects.borrowsUnheld = job.kind == .attach && job.session == nil
            onUnreadable(try step(job, objects, &budget, &plan))
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
    private func step(_ seen: JobRow, _ objects: JobObjects, _ budget: inout BatchBudget, _ plan: inout ChunkPlan?)
        throws -> Int
    {
        do {
            switch seen.phase {
            case .all: return try walk(seen, objects, &budget, in: .all)
            case .nodes:
                let known = plan?.job == seen.id ? plan?.nodeChildren : nil
                return try walk(seen, objects, &budget, in: .nodes, known: known ?? [:])
            case .chunks, .release: return try countChunks(seen, objects, &budget, &plan)
            }
        } catch {
            let error = StoreError(mapping: error)
            guard seen.isAttaching, Self.refusals.contains(error.code) else { throw error }
            try refuse(seen, error)
            return 0
        }
    }

    /// Errors that end an attach; any other leaves it to be continued.
    private static let refusals: Set<StoreError.Code> = [.incomplete, .preconditionFailed, .quotaExceeded, .corrupt]

    /// What is read before a transaction; nil when it cannot be read, and an attach is refused for that: or the queue would
    /// wait for a disk that may never give it back.
    func readAhead<Result>(_ seen: JobRow, _ read: () throws -> Result) throws -> Result? {
        do {
            return try read()
        } catch  where seen.isAttaching && StoreError.isUnreadable(error) {
            try refuse(seen, StoreError(mapping: error))
            return nil
        }
    }

    /// From here on the packs of a commit belong to the store: a session that dies must not take them along. Returns
    /// whether all of them do.
    func publishPacks(_ job: JobRow, _ tx: WriteAccess) throws -> Bool {
        guard job.isAttaching, let session = job.session else { return true }
        return try tx.publishPacks(session: session, limit: 200) < 200
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

extension JobRow {
    /// Whether references are added; otherwise they are taken.
    var isAttaching: Bool { kind == .attach && state == .running }
}
