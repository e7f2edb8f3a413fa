internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// Counts the references of a scope anew: from its snapshots down, each object's children once.
///
/// In a large store one part of the digests after another, so that the counts fit in memory; the nodes are read for
/// each. Memory: about 100 bytes for each node, and for each object of a part.
struct ReferenceRecount {
    struct Finding {
        var objects: Int64 = 0
        var problems: [FsckProblem] = []
        var missing: Set<ObjectKey> = []
        /// Objects counted less often than the catalogue says, where nodes could not be read that may name them.
        var uncertain: Int64 = 0
    }

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

    /// - Parameter step: Called for each node that is read; what it throws ends the recount.
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
                    finding.objects += 1
                    held.add(row, count: row.refs)
                    let count = unseen.removeValue(forKey: row.key) ?? 0
                    guard count != row.refs else { continue }
                    guard count > row.refs || isWhole else {
                        finding.uncertain += 1
                        continue
                    }
                    finding.problems.append(
                        FsckProblem(
                            code: "count", message: "\(row.key) is held \(count) times; the catalogue says \(row.refs)."
                        ))
                }
            }
            for key in unseen.keys.sorted() {
                finding.missing.insert(key)
                finding.problems.append(FsckProblem(code: "object_missing", message: "\(key) is needed and not there."))
            }
        }
        if finding.uncertain == 0 { try compareTotals(held, &finding) }
        return finding
    }

    /// Makes the counts of a store that nobody else uses what they must be. After packs were lost, the children of lost
    /// nodes cannot be let go one by one.
    ///
    /// - Returns: The change of the bytes held.
    func repair() throws -> Int64 {
        var held = Held()
        let milliseconds = store.clock.milliseconds()
        for part in parts {
            let (expected, _) = try expectedCounts(part)
            try forEachRow(part, limit: 400) { rows in
                try store.catalogue.write("recount") { tx in
                    let sequence = try tx.nextSequence()
                    for row in rows {
                        let count = expected[row.key] ?? 0
                        held.add(row, count: count)
                        guard count != row.refs else { continue }
                        if count > 0 {
                            try tx.setRefs(row.key, scope: scope.id, refs: count)
                        } else {
                            try tx.letGo(row.key, scope: scope.id, sequence: sequence, milliseconds: milliseconds)
                        }
                    }
                }
            }
        }
        return try store.catalogue.write("recount") { tx in
            guard let now = try tx.reading.scope(scope.id) else { return 0 }
            let change = held.bytes - now.heldBytes
            try tx.addHeld(scope: scope.id, bytes: change, objects: held.objects - now.heldObjects)
            return change
        }
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
            finding.problems.append(
                FsckProblem(
                    code: "count",
                    message: "`\(scope.name)` holds \(held.objects) objects of \(held.bytes) bytes; "
                        + "the catalogue says \(now.heldObjects) of \(now.heldBytes)."))
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
            for record in try tx.allRecords() where orgs.contains(record.org) {
                add(ObjectKey(.manifest, record.manifest))
                add(ObjectKey(.record, record.object))
            }
        }
        let objects = JobObjects(
            catalogue: store.catalogue, frames: store.frames, scope: scope.id, session: nil, uploads: nil)
        while let key = queue.popLast() {
            try step(0, 0)
            guard let children = try readableChildren(of: key, objects) else {
                isWhole = false
                continue
            }
            for child in children { add(child) }
        }
        return (counts, isWhole)
    }

    /// nil for a damaged node. A disk that fails for a moment is not damage: nothing may be let go for it.
    private func readableChildren(of key: ObjectKey, _ objects: JobObjects) throws -> [ObjectKey]? {
        do {
            return try objects.children(of: key)
        } catch {
            let error = StoreError(mapping: error)
            guard error.code == .corrupt || error.code == .incomplete else { throw error }
            return nil
        }
    }
}
