internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// One batch of counting: attaches or detaches references within one write transaction.
///
/// An object whose count goes 0 → 1 adds one to each of its distinct children, one that goes 1 → 0 takes one from each:
/// so the cost is what is new to, or leaves, the scope. Nodes whose children are still to be counted wait on the job's
/// frontier. The children come from `children`, read before the transaction; a node that is not among them waits.
struct ReferenceBatch {
    /// Rows kept free for what the batch writes at its end: totals, the job, the frontier rows of its last node.
    private static let reserve = 60

    let tx: WriteAccess
    let objects: JobObjects
    let children: [ObjectKey: [ObjectKey]]
    let nowMilliseconds: Int64
    private let firstRow: Int
    private let rowsMax: Int
    private(set) var job: JobRow

    /// Nodes to expand, in memory for this batch. Those from the frontier have their row there already.
    private var pending: [(row: FrontierRow, isStored: Bool)] = []
    private var pendingDone = 0
    private var heldBytes: Int64 = 0
    private var heldObjects: Int64 = 0
    private var packChanges = PackChanges()
    /// Packs of frames looked up so far.
    private var livePacks: [Int64: Int64] = [:]
    private var condemnedSequence: Int64?
    /// Nodes whose children this batch has counted to the last.
    private(set) var expanded: Set<ObjectKey> = []

    init(
        tx: WriteAccess, job: JobRow, objects: JobObjects, children: [ObjectKey: [ObjectKey]], nowMilliseconds: Int64,
        rowsMax: Int = Catalogue.rowsPerTransactionMax
    ) {
        self.tx = tx
        self.job = job
        self.objects = objects
        self.children = children
        self.nowMilliseconds = nowMilliseconds
        self.rowsMax = rowsMax
        firstRow = tx.rowsTouched
    }

    private var hasRoom: Bool {
        let used = tx.rowsTouched - firstRow
        return used + (pending.count - pendingDone) + packChanges.count + Self.reserve < rowsMax
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
        try writeTotals()
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
                if side == .detach { try condemn(item.row.key) }
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

// MARK: One reference more

extension ReferenceBatch {
    private mutating func attach(_ key: ObjectKey) throws {
        let upload = try livePlace(key)
        // Most of what a session has put is new to the scope: it is inserted without a question.
        if let upload, try tx.insertObject(upload.place, scope: job.scope, refs: 1) {
            packChanges.add(pack: upload.pack, objects: 1, bytes: upload.place.length)
            crossedUp(key, length: upload.place.length)
        } else if try tx.addReference(key, scope: job.scope) {
            // Most of the others are held: nothing crosses.
        } else if let row = try tx.reading.object(key, scope: job.scope) {
            try attach(row, upload)
        } else if job.scope != .public, let shared = try tx.reading.object(key, scope: .public), shared.refs > 0,
            !shared.isBad
        {
            try tx.insertBorrowed(key, length: shared.length, scope: job.scope)
            try tx.addBorrows(key, 1)
            crossedUp(key, length: shared.length)
        } else {
            throw StoreError(
                .incomplete, "The snapshot needs \(key), which is neither held nor uploaded.",
                hint: "Capture or push it again.")
        }
    }

    private mutating func attach(_ row: ObjectRow, _ upload: (place: ObjectPlace, pack: Int64)?) throws {
        if row.isBad, let old = row.frame, let upload {
            try tx.moveObject(row.key, scope: job.scope, frame: upload.place.frame, position: upload.place.position)
            // A pack that was lost may be forgotten already.
            if let oldPack = try tx.reading.frame(old)?.pack {
                packChanges.add(pack: oldPack, objects: -1, bytes: -row.length)
            }
            packChanges.add(pack: upload.pack, objects: 1, bytes: upload.place.length)
        }
        try tx.setRefs(row.key, scope: job.scope, refs: row.refs + 1)
        if row.refs == 0 { crossedUp(row.key, length: row.length) }
    }

    private mutating func crossedUp(_ key: ObjectKey, length: Int64) {
        count(key, bytes: length, objects: 1)
        if key.kind.hasChildren {
            pending.append((FrontierRow(side: .attach, key: key, nextChild: 0), false))
        }
    }
}

// MARK: One reference less

extension ReferenceBatch {
    private mutating func detach(_ key: ObjectKey) throws {
        // A count that is too low is damage, which `fsck` names; it must not stop every job that comes after.
        guard let row = try tx.reading.object(key, scope: job.scope), row.refs > 0 else { return }
        guard row.refs == 1 else {
            try tx.setRefs(key, scope: job.scope, refs: row.refs - 1)
            return
        }
        count(key, bytes: -row.length, objects: -1)
        guard row.frame != nil else { return try giveBack(key) }
        // Kept from gc until its children are counted: they are found through its bytes.
        let waits = key.kind.hasChildren
        try tx.letGo(key, scope: job.scope, sequence: waits ? nil : sequence(), milliseconds: nowMilliseconds)
        guard waits else { return }
        try expectExpansion(key)
    }

    /// A node that the attach had counted only in part gives back just that part.
    private mutating func expectExpansion(_ key: ObjectKey) throws {
        var left = -1
        if job.state == .undoing, let started = try tx.reading.frontierRow(job: job.id, side: .attach, key: key) {
            try tx.deleteFrontier(key, side: .attach, job: job.id)
            left = started.nextChild
        }
        pending.append((FrontierRow(side: .detach, key: key, nextChild: left), false))
    }

    /// Returns a borrowed object: the row has no bytes of its own to keep for a grace period.
    private mutating func giveBack(_ key: ObjectKey) throws {
        try tx.deleteHolding(key, scope: job.scope)
        try tx.addBorrows(key, -1)
        if let shared = try tx.reading.object(key, scope: .public), shared.refs == 0, shared.borrows == 0 {
            try tx.letGo(key, scope: .public, sequence: sequence(), milliseconds: nowMilliseconds)
        }
        if key.kind.hasChildren { try expectExpansion(key) }
    }

    private mutating func condemn(_ key: ObjectKey) throws {
        guard let row = try tx.reading.object(key, scope: job.scope), row.refs == 0 else { return }
        try tx.letGo(key, scope: job.scope, sequence: sequence(), milliseconds: nowMilliseconds)
    }

    private mutating func sequence() throws -> Int64 {
        if let condemnedSequence { return condemnedSequence }
        let next = try tx.nextSequence()
        condemnedSequence = next
        return next
    }
}

// MARK: Totals

extension ReferenceBatch {
    /// Records are held but not billed.
    private mutating func count(_ key: ObjectKey, bytes: Int64, objects: Int64) {
        guard key.kind != .record else { return }
        heldBytes += bytes
        heldObjects += objects
        job.bytes += bytes
    }

    /// Where the session has put an object, unless it has ended and taken the pack along.
    private mutating func livePlace(_ key: ObjectKey) throws -> (place: ObjectPlace, pack: Int64)? {
        guard let place = try objects.upload(key, tx.reading) else { return nil }
        if let known = livePacks[place.frame] { return (place, known) }
        guard let pack = try tx.reading.livePack(ofFrame: place.frame) else { return nil }
        livePacks[place.frame] = pack
        return (place, pack)
    }

    private mutating func writeTotals() throws {
        try packChanges.write(tx)
        if heldObjects != 0 || heldBytes != 0 {
            try tx.addHeld(scope: job.scope, bytes: heldBytes, objects: heldObjects)
        }
        try tx.updateJob(job)
    }
}
