internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel
internal import SnapPacks

/// What a collection is asked to do.
package struct GCOptions: Sendable {
    /// How long an object stays after the last snapshot let go of it.
    package var graceMilliseconds: Int64 = 24 * 3600 * 1000
    /// Rewrite packs until at most this part of the bytes in them is dead.
    package var deadPartMax = 0.02
    /// Say what would be done, and do nothing.
    package var dryRun = false
    /// Move objects of snapshots that are scattered over the packs, so that they lie together.
    package var compact: CompactionRule?
    /// Called between the steps of the job; what it throws ends it.
    package var step: MaintenanceStep = { _, _ in }

    package init() {}
}

/// What a collection did, or would do. Sizes are bytes.
package struct GCResult: Sendable, Hashable {
    /// Room given back to the file system; of a dry run an estimate, as it is not known how well the rest compresses.
    package var freedBytes: Int64 = 0
    /// Raw bytes that nobody holds and that a later collection will free.
    package var laterBytes: Int64 = 0
    /// When the last of them may go: milliseconds since 1970; nil when nothing waits for the clock.
    package var laterAtMilliseconds: Int64?
    package var deletedObjects: Int64 = 0
    package var deletedPacks: Int64 = 0
    package var rewrittenPacks: Int64 = 0
    /// Raw bytes in packs that nobody uses and that stay, being too few to be worth a rewrite.
    package var unusedBytes: Int64 = 0
    /// Snapshots that were deleted because their time had come.
    package var expiredSnapshots: [String] = []
    /// Snapshots that were put together, and the raw bytes that were moved for them.
    package var compactedSnapshots: Int64 = 0
    package var compactedBytes: Int64 = 0
    /// Why some of it stays, as sentences.
    package var reasons: [String] = []
}

/// Deletes what nobody holds, beside everything else that goes on.
///
/// Snapshots that have expired go first. Then whole dead packs, which needs no room; then packs with dead parts are
/// rewritten, and small ones merged. A pack is unlinked only when no row names it.
struct GarbageCollector {
    let store: Store
    let options: GCOptions
    var result = GCResult()
    /// Packs that lost objects.
    var touchedPacks: Set<Int64> = []
    /// Snapshots for which something was moved.
    var compacted: Set<Digest> = []

    init(store: Store, options: GCOptions) {
        self.store = store
        self.options = options
    }

    /// May be called again after it failed: what was freed stays counted.
    mutating func run() throws -> GCResult {
        (result.laterBytes, result.laterAtMilliseconds, result.unusedBytes, result.reasons) = (0, nil, 0, [])
        let scopes = try store.catalogue.read { try $0.scopes() }
        // What an organisation has borrowed is given back before `public` is looked at.
        for scope in scopes.filter({ $0.id != .public }) + scopes.filter({ $0.id == .public }) {
            try deleteExpired(scope)
            try settle(scope)
            let horizon = try horizon(scope)
            if options.dryRun {
                try foresee(scope, horizon)
                try foreseeCompaction(scope)
            } else {
                try expire(scope, horizon)
                try noteRest(scope, horizon)
                try forgetDeleted(scope, horizon)
                try collectPacks(scope)
                // What is left of packs that lost objects is put together anew, which may scatter some of it.
                var rounds = 0
                while rounds < Self.compactionsMax, try compact(scope) {
                    rounds += 1
                    try collectPacks(scope)
                }
            }
        }
        if !options.dryRun {
            let week: Int64 = 7 * 24 * 3600 * 1000
            let now = store.clock.milliseconds()
            try store.catalogue.write("results") { try $0.deleteJobResults(finishedBefore: now - week) }
            try store.catalogue.checkpoint()
        }
        return result
    }

    private mutating func settle(_ scope: ScopeRow) throws {
        var unreadable = 0
        try store.runner.settle(scope: scope.id, onUnreadable: { unreadable += $0 })
        guard unreadable > 0 else { return }
        result.reasons.append(
            "What \(unreadable) nodes name stays, because they cannot be read: `snapstore fsck --repair` counts it anew."
        )
    }

    // MARK: Objects

    /// Deletes the rows of objects past their grace that no open session may rely on.
    private mutating func expire(_ scope: ScopeRow, _ horizon: Horizon) throws {
        var budget = BatchBudget()
        var isCramped = false
        while true {
            let limit = isCramped ? 25 : Self.objectsAtOnce(budget)
            let rows = try store.catalogue.read { tx in
                try tx.condemned(
                    scope: scope.id, before: horizon.sequence, orTime: horizon.milliseconds, limit: limit)
            }
            guard !rows.isEmpty else { break }
            try options.step(UInt64(rows.count), 0)
            do {
                try delete(rows, scope: scope.id, &budget)
            } catch  where StoreError(mapping: error).code == .outOfSpace && !isCramped {
                // On a full disk a transaction is no larger than the log that is there.
                isCramped = true
            }
        }
    }

    /// What stays though nobody holds it, beside `gone`, and why.
    private mutating func noteRest(
        _ scope: ScopeRow, _ horizon: Horizon, gone: (objects: Int64, bytes: Int64) = (0, 0)
    ) throws {
        let left = try store.catalogue.read { try $0.condemnedTotals(scope: scope.id) }
        guard left.objects > gone.objects else { return }
        result.laterBytes += max(0, left.bytes - gone.bytes)
        let at = left.latestMilliseconds + options.graceMilliseconds
        result.laterAtMilliseconds = max(result.laterAtMilliseconds ?? at, at)
        if let session = horizon.session {
            result.reasons.append("A command that is under way (\(session.kind)) may still use some of it.")
        }
    }

    /// What was condemned before may go.
    struct Horizon {
        /// From this number on it may be in use by an open session: of the scope, or for `public`, any. Without one it is
        /// the next number, so that a session which begins after this look is not forgotten.
        let sequence: Int64
        let session: SessionRow?
        /// Later than this it is in its grace.
        let milliseconds: Int64
    }

    func horizon(_ scope: ScopeRow) throws -> Horizon {
        try store.catalogue.read { tx in
            let sessions = try tx.sessions().filter { scope.id == .public || $0.scope == scope.id }
            let oldest = sessions.min { $0.startSequence < $1.startSequence }
            return Horizon(
                sequence: try oldest?.startSequence ?? tx.sequence() + 1, session: oldest,
                milliseconds: store.clock.milliseconds() - options.graceMilliseconds)
        }
    }

    /// Besides the objects, a transaction has a row for each that is given back, and for each of their packs.
    static func objectsAtOnce(_ budget: BatchBudget) -> Int { budget.rows / 3 }

    mutating func delete(_ rows: [ObjectRow], scope: ScopeID, _ budget: inout BatchBudget) throws {
        let (deleted, packs) = try budget.write(store.catalogue, "expire") { tx in
            var changes = PackChanges()
            var deleted: Int64 = 0
            var packs: [Int64: Int64?] = [:]
            for row in rows {
                // Another collection may have moved it since it was read.
                let frame = try tx.reading.object(row.key, scope: scope)?.frame
                guard try tx.deleteCondemned(row.key, scope: scope, sequence: row.condemned) else { continue }
                deleted += 1
                guard let frame else {
                    try tx.addBorrows(row.key, -1)
                    continue
                }
                if packs[frame] == nil { packs[frame] = .some(try tx.reading.frame(frame)?.pack) }
                guard case .some(.some(let pack)) = packs[frame] else { continue }
                changes.add(pack: pack, objects: -1, bytes: -row.length)
            }
            try changes.write(tx)
            return (deleted, changes.packs)
        }
        touchedPacks.formUnion(packs)
        result.deletedObjects += deleted
    }

    // MARK: Packs

    private mutating func collectPacks(_ scope: ScopeRow) throws {
        var packs = try sealedPacks(scope)
        guard try !isHeldByBackup(packs) else { return }
        for pack in packs where pack.liveObjects == 0 {
            try options.step(0, 0)
            try remove(pack)
        }
        packs.removeAll { $0.liveObjects == 0 }
        let candidates = try PackWaste(store: store, scope: scope)
            .worst(of: packs, deadPartMax: options.deadPartMax, step: options.step).map(\.pack)
        result.unusedBytes += unusedBytes(packs) - unusedBytes(candidates)
        // Oldest first: what was captured together stays together.
        for pack in candidates.sorted(by: { $0.id < $1.id }) { try rewrite([pack], scope) }
        let small = mergeCandidates(try sealedPacks(scope))
        if !small.isEmpty { try merge(small, scope) }
    }

    /// Whether a backup is under way, so that no pack may go, nor is it worth rewriting one.
    mutating func isHeldByBackup(_ packs: [PackRow]) throws -> Bool {
        guard try store.isBeingBackedUp() else { return false }
        result.unusedBytes += unusedBytes(packs)
        let reason = "A backup is under way: until it has ended, all packs stay."
        if !result.reasons.contains(reason) { result.reasons.append(reason) }
        return true
    }

    /// Copies what is in use of some packs into new ones, and removes them. A pack that there is no room to copy stays.
    mutating func rewrite(_ packs: [PackRow], _ scope: ScopeRow) throws {
        let rewriter = PackRewriter(store: store, scope: scope, step: options.step)
        do {
            result.freedBytes -= try store.withReserve { try rewriter.rewrite(packs) }
        } catch  where StoreError(mapping: error).code == .outOfSpace {
            result.unusedBytes += unusedBytes(packs)
            let reason = "There was no room to rewrite some packs: free some, then collect again."
            if !result.reasons.contains(reason) { result.reasons.append(reason) }
        }
        try removeRewritten(packs)
    }

    /// Puts what is in small packs into one, in the order of the packs. It is not worth the reserve.
    private mutating func merge(_ packs: [PackRow], _ scope: ScopeRow) throws {
        do {
            result.freedBytes -= try PackRewriter(store: store, scope: scope, step: options.step).rewrite(packs)
        } catch  where StoreError(mapping: error).code == .outOfSpace {}
        try removeRewritten(packs)
    }

    private mutating func removeRewritten(_ packs: [PackRow]) throws {
        for pack in packs {
            guard let now = try store.catalogue.read({ try $0.pack(pack.id) }), now.liveObjects == 0 else { continue }
            if try remove(now) { result.rewrittenPacks += 1 }
        }
    }

    /// Packs that belong to no session.
    func sealedPacks(_ scope: ScopeRow) throws -> [PackRow] {
        try store.catalogue.read { try $0.packs(scope: scope.id, state: .live) }.filter { $0.session == nil }
    }

    private func unusedBytes(_ packs: [PackRow]) -> Int64 { packs.reduce(0) { $0 + $1.deadBytes } }

    /// What ``expire(_:_:)`` and ``collectPacks(_:)`` would do, from the catalogue alone.
    private mutating func foresee(_ scope: ScopeRow, _ horizon: Horizon) throws {
        let expiring = try store.catalogue.read {
            try $0.condemnedPerFrame(scope: scope.id, before: horizon.sequence, orTime: horizon.milliseconds)
        }
        let gone = expiring.reduce((objects: Int64(0), bytes: Int64(0))) {
            ($0.objects + $1.objects, $0.bytes + $1.bytes)
        }
        result.deletedObjects += gone.objects
        try noteRest(scope, horizon, gone: gone)
        var perPack: [Int64: (objects: Int64, bytes: Int64)] = [:]
        var waste = PackWaste(store: store, scope: scope)
        for row in expiring {
            guard let frame = row.frame, let pack = row.pack else { continue }
            waste.expiring[frame] = row.bytes
            perPack[pack, default: (0, 0)].objects += row.objects
            perPack[pack, default: (0, 0)].bytes += row.bytes
        }
        let packs = try sealedPacks(scope).map { pack in
            perPack[pack.id].map { pack.without(objects: $0.objects, bytes: $0.bytes) } ?? pack
        }
        guard try !isHeldByBackup(packs) else { return }
        let left = packs.filter { $0.liveObjects > 0 }
        let candidates = try waste.worst(of: left, deadPartMax: options.deadPartMax, step: options.step)
        result.unusedBytes += unusedBytes(left) - unusedBytes(candidates.map(\.pack))
        result.rewrittenPacks += Int64(candidates.count)
        result.deletedPacks += Int64(packs.count - left.count + candidates.count)
        for pack in packs where pack.liveObjects == 0 { result.freedBytes += pack.storedBytes }
        result.freedBytes += candidates.reduce(0) { $0 + $1.bytes }
    }

    @discardableResult
    mutating func remove(_ pack: PackRow) throws -> Bool {
        guard try store.drop(pack) else { return false }
        result.freedBytes += pack.storedBytes
        result.deletedPacks += 1
        return true
    }
}

extension GarbageCollector {
    /// Packs below this size are merged when there are several, up to so much together.
    static let smallPackBytes: Int64 = 8 << 20
    static let mergedBytesMax: Int64 = 64 << 20
    static let mergedPacksMin = 8

    /// The smallest packs, oldest first: as many as are each no larger than those before together. So what is merged has
    /// at least doubled since it was last, and an object is copied a logarithmic number of times.
    func mergeCandidates(_ packs: [PackRow]) -> [PackRow] {
        var chosen: [PackRow] = []
        var bytes: Int64 = 0
        var candidates: [PackRow] = []
        let small = packs.filter { $0.storedBytes < Self.smallPackBytes && $0.liveObjects > 0 }
        for pack in small.sorted(by: { ($0.storedBytes, $0.id) < ($1.storedBytes, $1.id) }) {
            guard bytes + pack.storedBytes <= Self.mergedBytesMax else { break }
            candidates.append(pack)
            if candidates.count >= Self.mergedPacksMin, pack.storedBytes <= bytes { chosen = candidates }
            bytes += pack.storedBytes
        }
        return chosen.sorted { $0.id < $1.id }
    }
}

extension PackRow {
    /// Raw bytes that no row names.
    var deadBytes: Int64 { max(0, rawBytes - liveBytes) }
    var deadPart: Double { rawBytes == 0 ? 0 : Double(deadBytes) / Double(rawBytes) }

    /// As it would be without some of the objects in use.
    func without(objects: Int64, bytes: Int64) -> PackRow {
        var pack = self
        pack.liveObjects = max(0, liveObjects - objects)
        pack.liveBytes = max(0, liveBytes - bytes)
        return pack
    }
}

extension Store {
    /// A collection is what makes room: it must not fail for want of it.
    private func backUpCatalogueIfRoom() throws -> Bool {
        do {
            try backUpCatalogueIfOld()
            return true
        } catch  where StoreError(mapping: error).code == .outOfSpace {
            return false
        }
    }

    /// Deletes what nobody holds any more, without stopping anybody.
    ///
    /// - Throws: ``StoreError``; what was freed before stays freed, and nothing held is touched.
    package func collectGarbage(_ options: GCOptions = GCOptions()) throws(StoreError) -> GCResult {
        try StoreError.mapped {
            if options.dryRun {
                var collector = GarbageCollector(store: self, options: options)
                return try collector.run()
            }
            try catalogue.refuseIfReadOnly()
            try? withReserve { try cleanUpDeadSessions() }
            let wasBackedUp = try backUpCatalogueIfRoom()
            var collector = GarbageCollector(store: self, options: options)
            var result = try withReserve { try collector.run() }
            // What was freed may make room for it.
            if !wasBackedUp, try !backUpCatalogueIfRoom() {
                result.reasons.append("There was no room for a backup of the catalogue.")
            }
            reserve.make()
            return result
        }
    }
}
