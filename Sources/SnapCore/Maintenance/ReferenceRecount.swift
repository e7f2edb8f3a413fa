internal import SnapCatalogue
internal import SnapModel

/// Counts the references of a scope anew: from its snapshots down, each object's children once.
///
/// Memory: about 60 bytes an object.
struct ReferenceRecount {
    struct Finding {
        var objects: Int64 = 0
        var problems: [FsckProblem] = []
        var missing: Set<ObjectKey> = []
        /// Objects counted less often than the catalogue says, where nodes could not be read that may name them.
        var uncertain: Int64 = 0
    }

    let store: Store
    let scope: ScopeRow
    /// Called for each node that is read; what it throws ends the recount.
    var step: MaintenanceStep = { _, _ in }

    func problems() throws -> Finding {
        let (expected, isWhole) = try expectedCounts()
        var finding = Finding()
        var held: (bytes: Int64, objects: Int64) = (0, 0)
        var unseen = expected
        var last: ObjectKey?
        while true {
            let rows = try store.catalogue.read { try $0.objects(scope: scope.id, after: last, limit: 1000) }
            guard let end = rows.last else { break }
            last = end.key
            for row in rows {
                finding.objects += 1
                let count = unseen.removeValue(forKey: row.key) ?? 0
                if count < row.refs, !isWhole {
                    finding.uncertain += 1
                } else if count != row.refs {
                    finding.problems.append(
                        FsckProblem(
                            code: "count", message: "\(row.key) is held \(count) times; the catalogue says \(row.refs)."
                        ))
                }
                if row.refs > 0, row.key.kind != .record {
                    held.bytes += row.length
                    held.objects += 1
                }
            }
        }
        for key in unseen.keys.sorted() {
            finding.missing.insert(key)
            finding.problems.append(FsckProblem(code: "object_missing", message: "\(key) is needed and not there."))
        }
        if finding.uncertain == 0 { try compareTotals(held, &finding) }
        return finding
    }

    /// Makes the counts of a store that nobody else uses what they must be. After packs were lost, the children of lost
    /// nodes cannot be let go one by one.
    ///
    /// - Returns: The change of the bytes held.
    func repair() throws -> Int64 {
        let (expected, _) = try expectedCounts()
        var held: (bytes: Int64, objects: Int64) = (0, 0)
        var last: ObjectKey?
        let now = store.clock.milliseconds()
        while true {
            let rows = try store.catalogue.read { try $0.objects(scope: scope.id, after: last, limit: 400) }
            guard let end = rows.last else { break }
            last = end.key
            try store.catalogue.write("recount") { tx in
                let sequence = try tx.nextSequence()
                for row in rows {
                    let count = expected[row.key] ?? 0
                    if count > 0, row.key.kind != .record {
                        held.bytes += row.length
                        held.objects += 1
                    }
                    guard count != row.refs else { continue }
                    if count > 0 {
                        try tx.setRefs(row.key, scope: scope.id, refs: count)
                    } else {
                        try tx.letGo(row.key, scope: scope.id, sequence: sequence, milliseconds: now)
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

    private func compareTotals(_ held: (bytes: Int64, objects: Int64), _ finding: inout Finding) throws {
        guard let now = try store.catalogue.read({ try $0.scope(scope.id) }) else { return }
        if now.heldBytes != held.bytes || now.heldObjects != held.objects {
            finding.problems.append(
                FsckProblem(
                    code: "count",
                    message: "`\(scope.name)` holds \(held.objects) objects of \(held.bytes) bytes; "
                        + "the catalogue says \(now.heldObjects) of \(now.heldBytes)."))
        }
    }

    /// What each object's count must be. A node that cannot be read has no children here; reading it is reported
    /// elsewhere. Says whether every node could be.
    private func expectedCounts() throws -> (counts: [ObjectKey: Int64], isWhole: Bool) {
        var counts: [ObjectKey: Int64] = [:]
        var queue: [ObjectKey] = []
        var isWhole = true
        func add(_ key: ObjectKey) {
            counts[key, default: 0] += 1
            if counts[key] == 1, key.kind.hasChildren { queue.append(key) }
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
