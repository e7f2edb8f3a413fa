internal import SnapCatalogue
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
    /// Why some of it stays, as sentences.
    package var reasons: [String] = []
}

/// Deletes what nobody holds, beside everything else that goes on.
///
/// Whole dead packs go first, which needs no room. Then packs with dead parts are rewritten, worst first. A pack is
/// unlinked only when no row names it.
struct GarbageCollector {
    let store: Store
    let options: GCOptions
    private var result = GCResult()

    init(store: Store, options: GCOptions) {
        self.store = store
        self.options = options
    }

    mutating func run() throws -> GCResult {
        for scope in try store.catalogue.read({ try $0.scopes() }) {
            try store.runner.settle(scope: scope.id)
            let horizon = try horizon(scope)
            if options.dryRun {
                try foresee(scope, horizon)
            } else {
                try expire(scope, horizon)
                try noteRest(scope, horizon)
                try collectPacks(scope)
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

    // MARK: Objects

    /// Deletes the rows of objects past their grace that no open session may rely on.
    private mutating func expire(_ scope: ScopeRow, _ horizon: Horizon) throws {
        while true {
            let rows = try store.catalogue.read { tx in
                try tx.condemned(
                    scope: scope.id, before: horizon.sequence, orTime: horizon.milliseconds, limit: 400)
            }
            guard !rows.isEmpty else { break }
            try options.step(UInt64(rows.count), 0)
            try delete(rows, scope: scope.id)
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
    private struct Horizon {
        /// From this number on it may be in use by an open session: of the scope, or for `public`, any. Without one it is
        /// the next number, so that a session which begins after this look is not forgotten.
        let sequence: Int64
        let session: SessionRow?
        /// Later than this it is in its grace.
        let milliseconds: Int64
    }

    private func horizon(_ scope: ScopeRow) throws -> Horizon {
        try store.catalogue.read { tx in
            let sessions = try tx.sessions().filter { scope.id == .public || $0.scope == scope.id }
            let oldest = sessions.min { $0.startSequence < $1.startSequence }
            return Horizon(
                sequence: try oldest?.startSequence ?? tx.sequence() + 1, session: oldest,
                milliseconds: store.clock.milliseconds() - options.graceMilliseconds)
        }
    }

    private mutating func delete(_ rows: [ObjectRow], scope: ScopeID) throws {
        let deleted = try store.catalogue.write("expire") { tx in
            var changes = PackChanges()
            var deleted: Int64 = 0
            for row in rows {
                // Another collection may have moved it since it was read.
                let frame = try tx.reading.object(row.key, scope: scope)?.frame
                guard try tx.deleteCondemned(row.key, scope: scope) else { continue }
                deleted += 1
                guard let frame, let pack = try tx.reading.frame(frame)?.pack else { continue }
                changes.add(pack: pack, objects: -1, bytes: -row.length)
            }
            try changes.write(tx)
            return deleted
        }
        result.deletedObjects += deleted
    }

    // MARK: Packs

    private mutating func collectPacks(_ scope: ScopeRow) throws {
        var packs = try sealedPacks(scope)
        for pack in packs where pack.liveObjects == 0 {
            try options.step(0, 0)
            try remove(pack)
        }
        packs.removeAll { $0.liveObjects == 0 }
        let candidates = try PackWaste(store: store, scope: scope)
            .worst(of: packs, deadPartMax: options.deadPartMax, step: options.step).map(\.pack)
        result.unusedBytes += unusedBytes(packs) - unusedBytes(candidates)
        guard !candidates.isEmpty else { return }
        let rewriter = try PackRewriter(store: store, scope: scope, step: options.step)
        let written = try rewriter.rewrite(candidates) { pack in
            guard let now = try store.catalogue.read({ try $0.pack(pack.id) }), now.liveObjects == 0 else { return }
            if try remove(now) { result.rewrittenPacks += 1 }
        }
        result.freedBytes -= written
    }

    /// Packs that belong to no session.
    private func sealedPacks(_ scope: ScopeRow) throws -> [PackRow] {
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
        let left = packs.filter { $0.liveObjects > 0 }
        let candidates = try waste.worst(of: left, deadPartMax: options.deadPartMax, step: options.step)
        result.unusedBytes += unusedBytes(left) - unusedBytes(candidates.map(\.pack))
        result.rewrittenPacks += Int64(candidates.count)
        result.deletedPacks += Int64(packs.count - left.count + candidates.count)
        for pack in packs where pack.liveObjects == 0 { result.freedBytes += pack.storedBytes }
        result.freedBytes += candidates.reduce(0) { $0 + $1.bytes }
    }

    @discardableResult
    private mutating func remove(_ pack: PackRow) throws -> Bool {
        guard try store.drop(pack) else { return false }
        result.freedBytes += pack.storedBytes
        result.deletedPacks += 1
        return true
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
            try? cleanUpDeadSessions()
            let wasBackedUp = try backUpCatalogueIfRoom()
            var collector = GarbageCollector(store: self, options: options)
            var result = try collector.run()
            // What was freed may make room for it.
            if !wasBackedUp, try !backUpCatalogueIfRoom() {
                result.reasons.append("There was no room for a backup of the catalogue.")
            }
            return result
        }
    }
}
