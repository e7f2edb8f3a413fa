internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// One batch of a walk from the roots that counts references, within one write transaction.
///
/// An object whose count goes 0 → 1 adds one to each of its distinct children, one that goes 1 → 0 takes one from each:
/// so the cost is what is new to, or leaves, the scope. Nodes whose children are still to be counted wait on the job's
/// frontier. The children come from `children`, read before the transaction; a node that is not among them waits.
struct ReferenceBatch {
    private let tx: WriteAccess
    private let children: [ObjectKey: [ObjectKey]]
    private let firstRow: Int
    private let rowsMax: Int
    private(set) var job: JobRow

    /// Nodes to expand, in memory for this batch. Those from the frontier have their row there already.
    private var pending: [(row: FrontierRow, isStored: Bool)] = []
    private var pendingDone = 0
    private var counter: ReferenceCounter
    /// Nodes whose children this batch has counted to the last.
    private(set) var expanded: Set<ObjectKey> = []

    init(
        tx: WriteAccess, job: JobRow, objects: JobObjects, children: [ObjectKey: [ObjectKey]], nowMilliseconds: Int64,
        rowsMax: Int = Catalogue.rowsPerTransactionMax
    ) {
        self.tx = tx
        self.job = job
        self.children = children
        self.rowsMax = rowsMax
        counter = ReferenceCounter(tx, objects, scope: job.scope, nowMilliseconds: nowMilliseconds)
        firstRow = tx.rowsTouched
    }

    private var hasRoom: Bool {
        let used = tx.rowsTouched - firstRow
        return used + (pending.count - pendingDone) + counter.totalRows + JobRunner.reservedRows < rowsMax
    }

    /// Which walk this batch does: an attach that is being undone walks as a detach.
    private var side: FrontierRow.Side {
        job.kind == .attach && job.state == .running ? .attach : .detach
    }

    /// Counts as much as the transaction has room for. Returns true when no root and no frontier is left.
    mutating func run() throws -> Bool {
        try countRoots()
        for row in try tx.reading.frontier(job: job.id, side: side, limit: JobRunner.frontierMax) {
            pending.append((row, true))
        }
        let leftBehind = try expandPending()
        try counter.writeTotals()
        job.bytes += counter.heldBytes
        try tx.updateJob(job)
        guard !leftBehind, hasCountedRoots else { return false }
        return try tx.reading.frontier(job: job.id, side: side, limit: 1).isEmpty
    }

    private var hasCountedRoots: Bool {
        job.state == .undoing ? job.nextRoot == 0 : job.nextRoot == job.roots.count
    }

    /// Roots are counted in order, and taken back in the reverse order when an attach is undone.
    private mutating func countRoots() throws {
        while !hasCountedRoots, hasRoom {
            if job.state == .undoing {
                try detach(job.roots[job.nextRoot - 1])
                job.nextRoot -= 1
            } else {
                let root = job.roots[job.nextRoot]
                if side == .attach { try attach(root) } else { try detach(root) }
                job.nextRoot += 1
            }
        }
    }

    /// Expands the nodes in memory, then writes those that are left to the frontier. Returns whether any are.
    private mutating func expandPending() throws -> Bool {
        var leftBehind = false
        while pendingDone < pending.count {
            let item = pending[pendingDone]
            pendingDone += 1
            guard let list = children[item.row.key], hasRoom else {
                if !item.isStored { try tx.setFrontier(item.row, job: job.id) }
                leftBehind = true
                continue
            }
            if let rest = try expand(item.row, children: list) {
                try tx.setFrontier(rest, job: job.id)
                leftBehind = true
            } else {
                expanded.insert(item.row.key)
                if item.isStored { try tx.deleteFrontier(item.row.key, side: side, job: job.id) }
                // Where its chunks are still to be taken back, they must be found first.
                if side == .detach, job.phase == .all { try counter.condemn(item.row.key) }
            }
        }
        return leftBehind
    }

    /// Counts the children of a node. Returns the row of what the transaction had no room for.
    ///
    /// An attach keeps the index of the next child; a detach the number of children that still hold a reference, all
    /// of them when negative: so an attach cut short is undone by taking back just what it counted.
    private mutating func expand(_ row: FrontierRow, children list: [ObjectKey]) throws -> FrontierRow? {
        var row = row
        if side == .attach {
            while row.nextChild < list.count {
                guard hasRoom else { return row }
                try attach(list[row.nextChild])
                row.nextChild += 1
            }
        } else {
            var left = row.nextChild < 0 ? list.count : min(row.nextChild, list.count)
            while left > 0 {
                guard hasRoom else {
                    row.nextChild = left
                    return row
                }
                try detach(list[left - 1])
                left -= 1
            }
        }
        return nil
    }
}

// MARK: One reference

extension ReferenceBatch {
    private mutating func attach(_ key: ObjectKey) throws {
        guard try counter.add(1, to: key), key.kind.hasChildren else { return }
        pending.append((FrontierRow(side: .attach, key: key, nextChild: 0), false))
    }

    private mutating func detach(_ key: ObjectKey) throws {
        guard try counter.take(1, from: key), key.kind.hasChildren else { return }
        var left = -1
        // A node that the attach had counted only in part gives back just that part.
        if job.state == .undoing, let started = try tx.reading.frontierRow(job: job.id, side: .attach, key: key) {
            try tx.deleteFrontier(key, side: .attach, job: job.id)
            left = started.nextChild
        }
        pending.append((FrontierRow(side: .detach, key: key, nextChild: left), false))
    }
}
