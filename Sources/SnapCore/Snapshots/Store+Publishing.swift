internal import SnapCatalogue
internal import SnapModel

// What is public is held by the scope `public` as well, with bytes of its own there. The organisation's own copy stays.

extension Store {
    /// Begins to bring a snapshot to `public`: for what is put, and for ``Session/publish(_:by:)``.
    package func beginPublishing(org name: String) throws(StoreError) -> Session {
        try StoreError.mapped {
            var org = try knownOrg(name)
            org.scope = .public
            return try Session(store: self, kind: .publish, org: org)
        }
    }

    /// Lets only its organisation read a snapshot from now on; what others have derived from it stays whole. Does nothing to
    /// one that is not public.
    ///
    /// - Throws: ``StoreError/Code/notFound``.
    package func unpublish(_ id: RecordID, org name: String, by author: EventAuthor = .operator) throws(StoreError) {
        try StoreError.mapped {
            let org = try knownOrg(name)
            try withReserve {
                try catalogue.write("unpublish") { tx in
                    guard let record = try tx.reading.record(id.bytes), record.org == org.id else {
                        throw StoreError(.notFound, "There is no snapshot with the id \(id).")
                    }
                    guard record.isPublic else { return }
                    try tx.setVisibility(.organization, record: record.uid)
                    try withdraw(record, org: org, cause: "unpublish", tx)
                    try tx.note(
                        "snapshot.unpublish", target: id.description, org: org.id, by: author,
                        at: clock.milliseconds())
                }
            }
        }
    }

    /// Queues that `public` lets go of a snapshot, if it holds it.
    func withdraw(_ record: RecordRow, org: OrgRow, cause: String, _ tx: WriteAccess) throws {
        guard record.isPublic else { return }
        _ = try tx.queue(
            .detach, in: .public, [ObjectKey(.manifest, record.manifest)], record: record.uid,
            label: "\(cause) \(record.name)", draft: JobDraft(org: org.id, cause: cause).encoded(),
            at: clock.reading())
    }

    /// The snapshot with this record id, if it belongs to `org` or is public.
    package func visibleSnapshot(id: RecordID, org: String) throws(StoreError) -> SnapshotRecord? {
        try StoreError.mapped {
            guard let found = try snapshot(id.bytes), found.org == org || found.visibility == .public else {
                return nil
            }
            return found
        }
    }
}

extension Session {
    /// Makes a snapshot public, all of whose objects `public` holds or this session has put. The session has ended then,
    /// unless an error is thrown.
    ///
    /// Durable and visible to all when this returns; does nothing to one that is public already.
    ///
    /// - Throws: ``StoreError/Code/notFound`` when it was deleted meanwhile, ``StoreError/Code/incomplete``.
    package func publish(_ snapshot: SnapshotRecord, by author: EventAuthor = .operator) throws(StoreError) {
        try StoreError.mapped {
            try heal()
            try finishWriter()
            let draft = try JobDraft(org: org.id, cause: "publish", publisher: author).encoded()
            let job = try store.catalogue.write("publish") { tx in
                try tx.queue(
                    .attach, in: .public, [ObjectKey(.manifest, snapshot.manifest)], record: snapshot.id.bytes,
                    label: "publish \(snapshot.displayName)", draft: draft, session: row.id,
                    at: store.clock.reading())
            }
            try store.runner.settle(scope: .public, through: job, session: row.id, uploads: uploads)
            _ = try store.result(ofJob: job)
            end()
        }
    }
}
