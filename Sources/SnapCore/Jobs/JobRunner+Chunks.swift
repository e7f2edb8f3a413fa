internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

// Counting chunks in the order of their digests.

extension JobRunner {
    /// One batch of the references on chunks, added or taken back. Returns how many nodes cannot be read, once.
    ///
    /// - Parameter plan: What the last batch went by.
    func countChunks(
        _ seen: JobRow, _ objects: JobObjects, _ budget: inout BatchBudget, _ plan: inout ChunkPlan?
    ) throws -> Int {
        var unreadable = 0
        if plan?.leads(seen) != true {
            plan = try readAhead(seen) { try ChunkPlan(seen, objects, chunksMax: limits.plannedChunks) }
            unreadable = plan?.unreadable ?? 0
        }
        guard let current = plan else { return 0 }
        // A few are counted with the nodes, in one transaction.
        if seen.isAttaching, seen.countedChunk == nil, current.isWhole, current.size < limits.oneWalk {
            return try walk(seen, objects, &budget, in: .all)
        }
        let rowsMax = budget.rows
        // Only what ends a job is waited for.
        plan?.uncondemned = try budget.write(catalogue, "job", isSynced: !current.isAdding) { tx in
            guard let job = try tx.reading.firstJob(scope: seen.scope), job == seen else { return current.uncondemned }
            return try batch(job, objects, current, rowsMax: rowsMax, tx)
        }
        return unreadable
    }

    /// Returns the nodes that are still to be condemned.
    private func batch(_ job: JobRow, _ objects: JobObjects, _ plan: ChunkPlan, rowsMax: Int, _ tx: WriteAccess) throws
        -> ArraySlice<ObjectKey>
    {
        let firstRow = tx.rowsTouched
        guard try publishPacks(job, tx) else { return plan.uncondemned }
        var batch = ChunkBatch(
            tx, job, objects, nowMilliseconds: clock.milliseconds(), rowsMax: rowsMax - (tx.rowsTouched - firstRow))
        guard try batch.run(plan), plan.isWhole, !plan.isAdding else { return plan.uncondemned }
        let left = job.phase == .release ? try batch.condemn(plan.uncondemned) : []
        if left.isEmpty {
            try end(batch.job, rowsLeft: Catalogue.rowsPerTransactionMax - (tx.rowsTouched - firstRow), tx)
        }
        return left
    }
}
