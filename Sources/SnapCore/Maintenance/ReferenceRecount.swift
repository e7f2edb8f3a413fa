internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// Counts the references of a scope anew: from its snapshots down, each object's children once.
///
/// In a large store one part of the digests after another, so that the counts fit in memory; the nodes are read for
/// each. Memory: about 100 bytes for each node, and for each object of a part.
struct ReferenceRecount {
    struct Finding: Sendable {
        var objects: Int64 = 0
        /// Numbers of the frames that the objects are said to be in: about one for each megabyte.
        private(set) var frames: Set<Int64> = []
        private(set) var problems: [FsckProblem] = []
        /// What the problems are about; nil for the totals.
        private(set) var subjects: Set<ObjectKey?> = []
        private(set) var missing: Set<ObjectKey> = []
        /// Objects counted less often than the catalogue says, where nodes could not be read that may name them.
        var uncertain: Int64 = 0

        mutating func add(_ row: ObjectRow) {
            objects += 1
            if let frame = row.frame { frames.insert(frame) }
        }

        mutating func addWrongCount(_ subject: ObjectKey?, _ message: String) {
            problems.append(FsckProblem(code: "count", message: message))
            subjects.insert(subject)
        }

        mutating func addMissing(_ key: ObjectKey) {
            problems.append(FsckProblem(code: "object_missing", message: "\(key) is needed and not there."))
            subjects.insert(key)
            missing.insert(key)
        }

        /// Other recounts have found right what seems wrong here.
        mutating func acquit() { (problems, subjects, missing) = ([], [], []) }
    }

    /// Nodes read together; the children of each may be 2 MB in memory.
    private static let nodesAtOnce = 32

    /// What a scope holds, as counted.
    private struct Held {
        var bytes: Int64 = 0
        var objects: Int64 = 0

        mutating func add(_ row: ObjectRow, count: Int64) {
            guard count > 0, row.key.kind != .record else { return }
            bytes += row.length
            objects += 1
        }
    }

    private let store: Store
    private let scope: ScopeRow
    private let parts: [DigestPart]
    private let step: MaintenanceStep

    /// - Parameter step: Called for each few nodes that are read; what it throws ends the recount.
    init(store: Store, scope: ScopeRow, objectsAtOnce: Int64, step: @escaping MaintenanceStep = { _, _ in }) {
        self.store = store
        self.scope = scope
        self.step = step
        parts = DigestPart.parts(of: scope.heldObjects, size: objectsAtOnce)
    }

    func problems() throws -> Finding {
        var finding = Finding()
        var held = Held()
        for part in parts {
            var (unseen, isWhole) = try expectedCounts(part)
            try forEachRow(part, limit: 1000) { rows in
                for row in rows {
                    finding.add(row)
                    held.add(row, count: row.refs)
                    let count = unseen.removeValue(forKey: row.key) ?? 0
                    guard count != row.refs else { continue }
                    guard count > row.refs || isWhole else {
                        finding.uncertain += 1
                        continue
                    }
                    finding.addWrongCount(row.key, "\(row.key) is held \(count) times; the catalogue says \(row.refs).")
                }
            }
            for key in unseen.keys.sorted() { finding.addMissing(key) }
        }
        if finding.uncertain == 0 { try compareTotals(held, &finding) }
        return finding
    }

    /// What a repair is to do with objects that perhaps only a node that cannot be read names.
    enum Doubt {
        /// Nothing: what it names is lost with it, or this is a store made anew.
        case letGo
        case keep
    }

    /// Makes the counts what they must be. After packs were lost, the children of lost nodes cannot be let go one by
    /// one.
    ///
    /// What that changes of the bytes held goes to the ledger, under `cause`.
    ///
    /// - Throws: ``StoreError/Code/busy`` when a commit or a delete came between; the next try makes it whole.
    func repair(_ doubt: Doubt, cause: String) throws {
        var held = Held()
        let milliseconds = store.clock.milliseconds()
        guard let job = try lastJobIfQuiet() else { throw changed }
        for part in parts {
            let (expected, isWhole) = try expectedCounts(part)
            try forEachRow(part, limit: 400) { rows in
                let counted = try store.catalogue.write("recount") { tx in
                    try refuseAfter(job, tx)
                    var counted: [(row: ObjectRow, count: Int64)] = []
                    let sequence = try tx.nextSequence()
                    for seen in rows {
                        // A collection may have deleted it since.
                        guard let row = try tx.reading.object(seen.key, scope: scope.id) else { continue }
                        let count = max(expected[row.key] ?? 0, isWhole || doubt == .letGo ? 0 : row.refs)
                        counted.append((row, count))
                        let isLeftOver = count == 0 && row.condemned == nil
                        guard count != row.refs || isLeftOver else { continue }
                        if count > 0 {
                            try tx.setRefs(row.key, scope: scope.id, refs: count)
                        } else {
                            try tx.letGo(row.key, scope: scope.id, sequence: sequence, milliseconds: milliseconds)
                        }
                    }
                    return counted
                }
                // Not within the transaction, which may be repeated.
                for (row, count) in counted { held.add(row, count: count) }
            }
        }
        try store.catalogue.write("recount") { tx in
            try refuseAfter(job, tx)
            guard let now = try tx.reading.scope(scope.id) else { return }
            let change = held.bytes - now.heldBytes
            try tx.addHeld(scope: scope.id, bytes: change, objects: held.objects - now.heldObjects)
            guard change != 0, let org = try tx.reading.orgs().first(where: { $0.scope == scope.id }) else { return }
            try tx.appendLedger(
                org: org.id, stamp: try tx.stamp(store.clock.reading()), bytes: change,
                record: [UInt8](repeating: 0, count: 16), cause: cause)
        }
    }

    /// Whether the counts are what they were when `job` was the last one. They change only with jobs: as long as there is
    /// none, and was none, what was counted holds.
    func isQuiet(since job: Int64, _ tx: ReadAccess) throws -> Bool {
        try tx.lastJob() == job && tx.firstJob(scope: scope.id) == nil
    }

    /// The last job, if none is queued: one that is would change counts later without being a later one.
    func lastJobIfQuiet() throws -> Int64? {
        try store.catalogue.read { tx in try tx.firstJob(scope: scope.id) == nil ? tx.lastJob() : nil }
    }

    private var changed: StoreError {
        StoreError(.busy, "The counts of `\(scope.name)` have changed while they were counted.")
    }

    private func refuseAfter(_ job: Int64, _ tx: WriteAccess) throws {
        guard try isQuiet(since: job, tx.reading) else { throw changed }
    }

    /// Calls `body` with all rows of a part, some at a time.
    private func forEachRow(_ part: DigestPart, limit: Int, _ body: ([ObjectRow]) throws -> Void) throws {
        for kind in ObjectKind.allCases {
            var last = part.predecessor
            var isWithin = true
            while isWithin {
                let rows = try store.catalogue.read {
                    try $0.objects(scope: scope.id, kind: kind, after: last, limit: limit)
                }
                let own = rows.prefix { part.contains($0.key.digest) }
                if !own.isEmpty { try body(Array(own)) }
                last = own.last?.key.digest
                isWithin = own.count == limit
            }
        }
    }

    private func compareTotals(_ held: Held, _ finding: inout Finding) throws {
        guard let now = try store.catalogue.read({ try $0.scope(scope.id) }) else { return }
        if now.heldBytes != held.bytes || now.heldObjects != held.objects {
            finding.addWrongCount(
                nil,
                "`\(scope.name)` holds \(held.objects) objects of \(held.bytes) bytes; "
                    + "the catalogue says \(now.heldObjects) of \(now.heldBytes).")
        }
    }

    /// What the count of each object of a part must be. A node that cannot be read has no children here; reading it is
    /// reported elsewhere. Says whether every node could be.
    private func expectedCounts(_ part: DigestPart) throws -> (counts: [ObjectKey: Int64], isWhole: Bool) {
        var counts: [ObjectKey: Int64] = [:]
        var nodes: Set<ObjectKey> = []
        var queue: [ObjectKey] = []
        var isWhole = true
        func add(_ key: ObjectKey) {
            if part.contains(key.digest) { counts[key, default: 0] += 1 }
            if key.kind.hasChildren, nodes.insert(key).inserted { queue.append(key) }
        }
        try store.catalogue.read { tx in
            let orgs = Set(try tx.orgs().filter { $0.scope == scope.id }.map(\.id))
            for record in try tx.allRecords() {
                let isOwn = orgs.contains(record.org)
                if isOwn || (scope.id == .public && record.isPublic) { add(ObjectKey(.manifest, record.manifest)) }
                if isOwn { add(ObjectKey(.record, record.object)) }
            }
        }
        let objects = JobObjects(
            catalogue: store.catalogue, frames: store.frames, scope: scope.id, session: nil, uploads: nil)
        while !queue.isEmpty {
            try step(0, 0)
            let nodes = Array(queue.suffix(Self.nodesAtOnce))
            queue.removeLast(nodes.count)
            for children in try objects.readableChildren(of: nodes) {
                isWhole = isWhole && children != nil
                for child in children ?? [] { add(child) }
            }
        }
        return (counts, isWhole)
    }
}
