internal import SnapCatalogue
internal import SnapModel

// What a collection does about snapshots, before it comes to objects.

extension GarbageCollector {
    /// Deletes the snapshots whose time has come. What they held has its grace from now on.
    mutating func deleteExpired(_ scope: ScopeRow) throws {
        let now = store.clock.milliseconds()
        for org in try store.catalogue.read({ try $0.orgs() }) where org.scope == scope.id {
            var isMore = true
            while isMore {
                let due = try store.catalogue.read { tx in
                    try tx.expiredRecords(org: org.id, until: now).map { try tx.snapshot($0, org: org.name) }
                }
                for snapshot in due {
                    try options.step(0, 0)
                    if options.dryRun {
                        result.expiredSnapshots.append(snapshot.displayName)
                        continue
                    }
                    let isGone = try store.delete(snapshot.id.bytes, org: org, cause: "expire") { record, _ in
                        // Somebody may have thought better of it since.
                        record.expiresMilliseconds.map { $0 <= now } == true && !record.isProtected
                    }
                    if isGone { result.expiredSnapshots.append(snapshot.displayName) }
                }
                isMore = !due.isEmpty && !options.dryRun
            }
        }
    }

    /// Forgets the snapshots that were deleted so long ago that their objects have gone.
    func forgetDeleted(_ scope: ScopeRow, _ horizon: Horizon) throws {
        for org in try store.catalogue.read({ try $0.orgs() }) where org.scope == scope.id {
            func forgetSome() throws -> Int {
                try store.catalogue.write("forget-deleted") {
                    try $0.forgetDeleted(org: org.id, until: horizon.milliseconds)
                }
            }
            guard try !store.catalogue.read({ try $0.deletedRecords(org: org.id) }).isEmpty else { continue }
            while try forgetSome() == 500 {}
        }
    }
}
