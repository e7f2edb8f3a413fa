internal import SnapCatalogue
internal import SnapModel

/// What a purge did. Sizes are bytes.
package struct PurgeResult: Sendable, Hashable {
    package var freedBytes: Int64 = 0
    package var deletedObjects: Int64 = 0
    /// Objects that stay for now, because a command that is under way may use them.
    package var keptObjects: Int64 = 0
    /// Why some of it stays, as sentences.
    package var reasons: [String] = []
}

extension GarbageCollector {
    /// Deletes what a snapshot let go that nobody holds, without a grace, and frees the packs that it was in. Open
    /// sessions keep what they may use, as in any collection.
    ///
    /// Reads the snapshot's metadata. Memory: some 100 bytes for each of its nodes. Cut short, it leaves what an ordinary
    /// collection deletes later.
    mutating func purge(_ roots: [ObjectKey], _ scope: ScopeRow) throws -> Int64 {
        let horizon = try horizon(scope)
        let objects = JobObjects(
            catalogue: store.catalogue, frames: store.frames, scope: scope.id, session: nil, uploads: nil)
        var queue = roots
        var nodes = Set(roots)
        var kept: Set<ObjectKey> = []
        var batch: [ObjectRow] = []
        var budget = BatchBudget()
        while let key = queue.popLast() {
            guard let row = try store.catalogue.read({ try $0.object(key, scope: scope.id) }), row.refs == 0,
                row.borrows == 0, let condemned = row.condemned
            else { continue }
            try options.step(1, UInt64(clamping: row.length))
            // Before it goes, a node says what goes with it; what a damaged one names is left to other collections.
            for child in (try? objects.children(of: key)) ?? [] {
                if !child.kind.hasChildren || nodes.insert(child).inserted { queue.append(child) }
            }
            guard condemned < horizon.sequence else {
                kept.insert(key)
                continue
            }
            batch.append(row)
            if batch.count >= Self.objectsAtOnce(budget) {
                try delete(batch, scope: scope.id, &budget)
                batch = []
            }
        }
        try delete(batch, scope: scope.id, &budget)
        if !kept.isEmpty, let session = horizon.session {
            result.reasons.append(
                "\(kept.count) objects stay while a command that is under way (\(session.kind)) may use them.")
        }
        return Int64(kept.count)
    }

    /// Removes the packs that lost objects, or the dead parts of them.
    mutating func collectTouchedPacks(_ scope: ScopeRow) throws {
        let packs = try sealedPacks(scope).filter { touchedPacks.contains($0.id) }
        guard try !isHeldByBackup(packs) else { return }
        for pack in packs where pack.liveObjects == 0 { try remove(pack) }
        for pack in packs where pack.liveObjects > 0 && pack.deadBytes > 0 { try rewrite([pack], scope) }
    }
}

extension Store {
    /// Frees what a deleted snapshot alone held, at once. It cannot come back then.
    ///
    /// - Throws: ``StoreError``; what was freed before stays freed, and nothing held is touched.
    package func purge(_ id: RecordID, org: String, step: @escaping MaintenanceStep = { _, _ in }) throws(StoreError)
        -> PurgeResult
    {
        try StoreError.mapped {
            let org = try knownOrg(org)
            guard let deleted = try catalogue.read({ try $0.deletedRecord(id.bytes) }), deleted.org == org.id,
                let scope = try catalogue.read({ try $0.scope(org.scope) })
            else { throw StoreError(.notFound, "No deleted snapshot with the id \(id) is remembered.") }
            var options = GCOptions()
            options.graceMilliseconds = 0
            options.step = step
            var collector = GarbageCollector(store: self, options: options)
            let roots = [ObjectKey(.manifest, deleted.manifest), ObjectKey(.record, deleted.object)]
            let kept = try withReserve {
                try runner.settle(scope: scope.id)
                try catalogue.write("forget-deleted") { try $0.forgetDeleted(id.bytes) }
                let kept = try collector.purge(roots, scope)
                try collector.collectTouchedPacks(scope)
                return kept
            }
            reserve.make()
            return PurgeResult(
                freedBytes: collector.result.freedBytes, deletedObjects: collector.result.deletedObjects,
                keptObjects: kept, reasons: collector.result.reasons)
        }
    }
}
