internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

// Counting on a walk from the roots.

extension JobRunner {
    /// One batch of a walk that counts references. Returns how many of the nodes that it let go cannot be read.
    ///
    /// - Parameters:
    ///   - phase: That of the job; or ``JobPhase/all``, where none of its chunks is counted yet.
    ///   - known: Nodes among the children of some, where that is what is counted.
    func walk(
        _ seen: JobRow, _ objects: JobObjects, _ budget: inout BatchBudget, in phase: JobPhase,
        known: [ObjectKey: [ObjectKey]] = [:]
    ) throws -> Int {
        let rowsMax = budget.rows
        let ahead = try readAhead(seen) { try self.ahead(seen, objects, in: phase, rows: rowsMax, known) }
        guard let ahead else { return 0 }
        // Nobody is told of what a batch has counted, and one that a power cut takes back is counted again: only the
        // last one, which makes the job's result visible, is waited for.
        return try budget.write(catalogue, "job", isSynced: ahead.isLast) { tx in
            // Another process may have gone on with it meanwhile.
            guard var job = try tx.reading.firstJob(scope: seen.scope), job.id == seen.id, job.phase == seen.phase,
                job.countedChunk == seen.countedChunk
            else { return 0 }
            job.phase = phase
            return try ahead.unreadable.intersection(batch(job, objects, ahead, rowsMax: rowsMax, tx)).count
        }
    }

    /// Returns the nodes whose children are counted now.
    private func batch(
        _ job: JobRow, _ objects: JobObjects, _ ahead: Ahead, rowsMax: Int, _ tx: WriteAccess
    ) throws -> Set<ObjectKey> {
        let firstRow = tx.rowsTouched
        guard try publishPacks(job, tx) else { return [] }
        var batch = ReferenceBatch(
            tx: tx, job: job, objects: objects, children: ahead.children, nowMilliseconds: clock.milliseconds(),
            // The packs published above are rows of this transaction, too.
            rowsMax: rowsMax - (tx.rowsTouched - firstRow))
        guard try batch.run(), ahead.isLast else { return batch.expanded }
        if job.phase == .nodes, job.state == .undoing {
            var job = batch.job
            job.phase = .release
            try tx.updateJob(job)
        } else {
            try end(batch.job, rowsLeft: Catalogue.rowsPerTransactionMax - (tx.rowsTouched - firstRow), tx)
        }
        return batch.expanded
    }

    /// Nodes that one batch takes up again.
    static let frontierMax = 64

    /// What a batch needs to know before its transaction.
    private struct Ahead {
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
    private func ahead(
        _ job: JobRow, _ objects: JobObjects, in phase: JobPhase, rows: Int, _ known: [ObjectKey: [ObjectKey]]
    ) throws -> Ahead {
        let isAttach = job.isAttaching
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
            let found = try known[key] ?? (isAttach ? objects.children(of: key) : objects.readableChildren(of: key))
            if found == nil { unreadable.insert(key) }
            let nodes = (found ?? []).filter(\.kind.hasChildren)
            let list = phase == .all ? found ?? [] : nodes
            children[key] = list
            count += list.count
            queue += try objects.crossing(nodes, isAttach: isAttach)
        }
        return Ahead(children: children, unreadable: unreadable, isLast: isAllOfFrontier && next == queue.count)
    }
}
