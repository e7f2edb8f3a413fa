internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

// What becomes of a snapshot after it was made: protected, due to go by itself, or back from being deleted.

extension Store {
    /// Keeps a snapshot from being deleted, or no longer.
    package func setProtected(_ isProtected: Bool, id: RecordID, org: String) throws(StoreError) {
        try change(id, org) { try $0.setProtected(isProtected, record: id.bytes) }
    }

    /// Sets from when on a collection deletes a snapshot; nil for never.
    package func setExpires(milliseconds: Int64?, id: RecordID, org: String) throws(StoreError) {
        try change(id, org) { try $0.setExpires(milliseconds: milliseconds, record: id.bytes) }
    }

    private func change(_ id: RecordID, _ org: String, _ body: (WriteAccess) throws -> Bool) throws(StoreError) {
        try StoreError.mapped {
            let org = try knownOrg(org)
            let isThere = try catalogue.write("life") { tx in
                guard try tx.reading.record(id.bytes)?.org == org.id else { return false }
                return try body(tx)
            }
            guard isThere else { throw StoreError(.notFound, "There is no snapshot with the id \(id).") }
        }
    }

    /// Now, as the store counts time: milliseconds since 1970.
    package func nowMilliseconds() -> Int64 { clock.milliseconds() }

    /// Snapshots that were deleted and are still remembered, the last first.
    package func deletedSnapshots(org: String) throws(StoreError) -> [DeletedSnapshot] {
        try StoreError.mapped {
            try catalogue.read { tx in
                guard let org = try tx.org(named: org) else { return [] }
                return try tx.deletedRecords(org: org.id).map { try DeletedSnapshot($0) }
            }
        }
    }

    /// Makes a deleted snapshot anew, as a commit of the same content, with the tags that are still free. It is neither
    /// protected nor due to expire.
    ///
    /// - Returns: The snapshot, and those of its tags that name something else by now and stay there.
    /// - Throws: ``StoreError/Code/incomplete`` when a collection has taken something of it,
    ///   ``StoreError/Code/preconditionFailed`` when somebody else has just brought it back.
    package func undelete(_ deleted: DeletedSnapshot, org: String) throws(StoreError) -> (
        snapshot: SnapshotRecord, taken: [SnapshotTag]
    ) {
        let session = try beginSession(.create, org: org)
        defer { session.end() }
        // The record object names one tag, for a catalogue that is made anew; the others follow with the commit.
        var first: SnapshotTag?
        for tag in deleted.tags where tag.name == deleted.name && first == nil {
            if try snapshot(org: org, name: tag.name, tag: tag.tag) == nil { first = tag }
        }
        var draft = SnapshotDraft(
            name: deleted.name, tag: first?.tag, manifest: deleted.manifest, kind: deleted.kind)
        draft.ifMatch = first.map { _ in .none }
        draft.parent = deleted.parent
        draft.creator = deleted.creator
        draft.labels = deleted.labels
        draft.logicalBytes = deleted.logicalBytes
        draft.uniqueBytes = deleted.uniqueBytes
        draft.fileCount = deleted.fileCount
        draft.chunkCount = deleted.chunkCount
        draft.deleted = deleted
        do throws(StoreError) {
            let made = try session.commit(draft, cause: "undelete").record
            return (made, deleted.tags.filter { !made.tags.contains($0) })
        } catch {
            guard error.code == .incomplete else { throw error }
            throw StoreError(
                .incomplete,
                "\(deleted.displayName) cannot come back: a collection has taken some of it. \(error.message)",
                hint: "Capture or import it again.")
        }
    }
}
