internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// One batch of counting the references on chunks as a ``ChunkPlan`` has them, within one write transaction.
struct ChunkBatch {
    private let tx: WriteAccess
    private let firstRow: Int
    private let rowsMax: Int
    private(set) var job: JobRow
    private var counter: ReferenceCounter

    init(_ tx: WriteAccess, _ job: JobRow, _ objects: JobObjects, nowMilliseconds: Int64, rowsMax: Int) {
        self.tx = tx
        self.job = job
        self.rowsMax = rowsMax
        counter = ReferenceCounter(tx, objects, scope: job.scope, nowMilliseconds: nowMilliseconds)
        firstRow = tx.rowsTouched
    }

    private var hasRoom: Bool { tx.rowsTouched - firstRow + counter.totalRows + JobRunner.reservedRows < rowsMax }

    /// Counts as much as the transaction has room for. Returns true when the plan is carried out.
    mutating func run(_ plan: ChunkPlan) throws -> Bool {
        var next = plan.position(job.countedChunk)
        while next < plan.references.count, hasRoom {
            let (chunk, count) = plan.references[next]
            if plan.isAdding {
                _ = try counter.add(count, to: ObjectKey(.chunk, chunk))
                job.countedChunk = chunk
            } else {
                _ = try counter.take(count, from: ObjectKey(.chunk, chunk))
                job.countedChunk = chunk.predecessor
            }
            next += 1
        }
        let isDone = next == plan.references.count
        if isDone, plan.isWhole {
            if plan.isAdding { job.phase = .nodes } else { job.countedChunk = nil }
        }
        try counter.writeTotals()
        job.bytes += counter.heldBytes
        try tx.updateJob(job)
        return isDone
    }

    /// Condemns nodes that an attach has taken back, from the last one on: so those that are left can still be found from
    /// the roots, whatever gc does. Returns how many of them are left.
    mutating func condemn(_ nodes: ArraySlice<ObjectKey>) throws -> ArraySlice<ObjectKey> {
        var left = nodes
        // Those that are condemned touch no row.
        for node in nodes.suffix(rowsMax).reversed() where hasRoom {
            try counter.condemn(node)
            left.removeLast()
        }
        return left
    }
}
