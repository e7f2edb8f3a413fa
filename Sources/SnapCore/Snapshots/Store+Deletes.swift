internal import SnapCatalogue
internal import SnapModel

// A delete costs the same for any size: what the snapshot held is let go by later calls, or by `settle`.

extension Store {
    /// Removes a tag, and its snapshot with its last tag.
    ///
    /// - Parameter version: Only if it has not been set since it had this one; nil for any.
    /// - Returns: The snapshot when it went too.
    /// - Throws: ``StoreError/Code/preconditionFailed`` when it would go and is protected, or has another version.
    package func deleteTag(org: String, name: String, tag: String, version: Int64? = nil)
        throws(StoreError) -> SnapshotRecord?
    {
        try StoreError.mapped {
            let org = try knownOrg(org)
            return try write("delete") { tx in
                let tag = SnapshotTag(name: name, tag: tag)
                guard let row = try tx.reading.tag(org: org.id, name: name, tag: tag.tag),
                    let record = try tx.reading.record(row.record)
                else { throw StoreError(.notFound, "There is no snapshot `\(tag)`.") }
                if let version { try TagRule.check(name: name, tag: tag.tag, version: row.version, is: version) }
                return try remove([tag], of: record, org, tx)
            }
        }
    }

    /// Tags that ``deleteTags(_:of:org:)`` takes at once.
    package static let tagsAtOnce = 300

    /// Removes tags of one snapshot, and with the last of them the snapshot: remembered with all that it had.
    ///
    /// - Returns: The snapshot when it went too.
    /// - Throws: ``StoreError/Code/notFound`` when one of them no longer is the snapshot's, and
    ///   ``StoreError/Code/preconditionFailed`` when it would go and is protected; nothing is removed then.
    package func deleteTags(_ tags: [SnapshotTag], of id: RecordID, org: String) throws(StoreError) -> SnapshotRecord? {
        try StoreError.mapped {
            let org = try knownOrg(org)
            return try write("delete") { tx in
                for tag in tags where try tx.reading.tag(org: org.id, name: tag.name, tag: tag.tag)?.record != id.bytes
                {
                    throw StoreError(.notFound, "There is no snapshot `\(tag)`.")
                }
                guard let record = try tx.reading.record(id.bytes) else {
                    throw StoreError(.notFound, "There is no snapshot with the id \(id).")
                }
                return try remove(tags, of: record, org, tx)
            }
        }
    }

    /// Removes tags that are those of a snapshot, and it with the last of them.
    private func remove(_ tags: [SnapshotTag], of record: RecordRow, _ org: OrgRow, _ tx: WriteAccess) throws
        -> SnapshotRecord?
    {
        let snapshot = try tx.reading.snapshot(record, org: org.name)
        guard snapshot.tags.allSatisfy(tags.contains) else {
            for tag in tags { try tx.deleteTag(org: org.id, name: tag.name, tag: tag.tag) }
            return nil
        }
        try refuseIfProtected(snapshot)
        try delete(record, label: snapshot.displayName, org: org, cause: "delete", tx)
        return snapshot
    }

    /// Removes a snapshot with all its tags.
    ///
    /// - Parameter author: By whom, for the event; nil: none is noted.
    /// - Throws: ``StoreError/Code/preconditionFailed`` when it is protected.
    package func deleteSnapshot(id: RecordID, org: String, by author: EventAuthor? = nil) throws(StoreError) {
        try StoreError.mapped {
            let org = try knownOrg(org)
            let isGone = try delete(id.bytes, org: org, cause: "delete") { record, tx in
                try refuseIfProtected(tx.reading.snapshot(record, org: org.name))
                if let author {
                    try tx.note(
                        "snapshot.delete", target: id.description, org: org.id, by: author, at: clock.milliseconds())
                }
                return true
            }
            guard isGone else { throw StoreError(.notFound, "There is no snapshot with the id \(id).") }
        }
    }

    /// Removes a snapshot if it is there and `isDue` says so, in the same transaction. Says whether.
    func delete(
        _ uid: [UInt8], org: OrgRow, cause: String, if isDue: (RecordRow, WriteAccess) throws -> Bool
    ) throws -> Bool {
        while true {
            let isGone: Bool? = try write("delete") { tx in
                guard let record = try tx.reading.record(uid), record.org == org.id, try isDue(record, tx) else {
                    return false
                }
                // Tags beyond what the transaction takes that removes the snapshot go before it.
                guard try tx.reading.tags(record: uid).count < 500 else {
                    _ = try tx.deleteTags(record: uid, limit: 400)
                    return nil
                }
                try delete(record, label: record.name, org: org, cause: cause, tx)
                return true
            }
            if let isGone { return isGone }
        }
    }

    /// What is to be done before a delete of several, so that none is done when one is refused.
    package func refuseIfProtected(_ snapshot: SnapshotRecord) throws(StoreError) {
        guard snapshot.isProtected else { return }
        throw StoreError(
            .preconditionFailed, "The snapshot \(snapshot.displayName) is protected.",
            hint: "Take the protection off first: `snapstore protect \(snapshot.displayName) --off`.")
    }

    private func delete(_ record: RecordRow, label: String, org: OrgRow, cause: String, _ tx: WriteAccess) throws {
        try tx.insertDeleted(
            DeletedSnapshot.row(
                record, tags: tx.reading.tags(record: record.uid), labels: tx.reading.labels(record: record.uid),
                deletedMilliseconds: clock.milliseconds()))
        try tx.deleteRecord(record.uid)
        try withdraw(record, org: org, cause: cause, tx)
        _ = try tx.queue(
            .detach, in: org.scope, [ObjectKey(.manifest, record.manifest), ObjectKey(.record, record.object)],
            record: record.uid, label: "\(cause) \(label)", draft: JobDraft(org: org.id, cause: cause).encoded(),
            at: clock.reading())
    }

    /// A write that leads to more room, and so must not fail for want of it.
    private func write<Result>(_ label: String, _ body: (WriteAccess) throws -> Result) throws -> Result {
        try withReserve { try catalogue.write(label, body) }
    }

    /// Works off what deletes and commits have queued in an organisation's scope, and in `public`.
    ///
    /// - Returns: How many nodes that were let go could not be read: what they name stays held, until a check with
    ///   ``FsckOptions/repair`` counts it anew.
    @discardableResult
    package func settle(org: String, onSettling: (String) -> Void = { _ in }) throws(StoreError) -> Int {
        try StoreError.mapped {
            guard let org = try catalogue.read({ try $0.org(named: org) }) else { return 0 }
            // Counted from outside: a second try finds the nodes of the first let go already.
            var unreadable = 0
            try withReserve {
                for scope in [org.scope, .public] {
                    try runner.settle(scope: scope, onSettling: onSettling, onUnreadable: { unreadable += $0 })
                }
            }
            return unreadable
        }
    }
}
