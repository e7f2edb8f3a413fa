internal import SnapCatalogue
package import SnapDigest
internal import SnapModel

// MARK: Sessions and commits

extension Store {
    /// Begins a session for `org`, which is made if it does not exist.
    package func beginSession(_ kind: SessionKind, org: String) throws(StoreError) -> Session {
        try StoreError.mapped { try Session(store: self, kind: kind, org: try ensureOrg(org)) }
    }

    /// The snapshot that a commit of `draft` would repeat: its tag names the same content already.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed`` when the tag may not be set, before anything is written.
    func unchanged(_ draft: SnapshotDraft, org: OrgRow) throws -> SnapshotRecord? {
        guard let tag = draft.tag else { return nil }
        let verdict = try TagRule.judge(
            name: draft.name, tag: tag,
            existing: catalogue.read { try $0.tagged(org: org.id, name: draft.name, tag: tag) },
            manifest: draft.manifest, ifMatch: draft.ifMatch, force: draft.force)
        guard case .same(let record) = verdict else { return nil }
        return try snapshot(record)
    }

    /// How a job ended, as its commit answers it.
    func result(ofJob job: Int64) throws -> CommitResult {
        guard let result = try catalogue.read({ try $0.jobResult(job) }) else {
            throw StoreError(.io, "The catalogue has lost the result of a commit.", hint: "Run `snapstore list`.")
        }
        if let code = result.errorCode {
            if code == JobRunner.sameContent, let id = result.errorMessage.flatMap({ RecordID($0) }),
                let record = try snapshot(id.bytes)
            {
                return CommitResult(record: record, isNew: false, replaced: nil)
            }
            throw StoreError(StoreError.Code(rawValue: code), result.errorMessage ?? "The commit was refused.")
        }
        guard let record = try snapshot(result.record) else {
            throw StoreError(.notFound, "The snapshot was deleted as soon as it was made.")
        }
        return CommitResult(record: record, isNew: true, replaced: result.replaced)
    }
}

// MARK: Looking up

extension Store {
    /// Snapshots of an organisation, newest first; an organisation that does not exist has none.
    package func snapshots(org: String, name: String? = nil) throws(StoreError) -> [SnapshotRecord] {
        try StoreError.mapped {
            try catalogue.read { tx in
                guard let org = try tx.org(named: org) else { return [] }
                return try tx.records(org: org.id, name: name).map { try tx.snapshot($0, org: org.name) }
            }
        }
    }

    func snapshot(_ uid: [UInt8]) throws -> SnapshotRecord? {
        try catalogue.read { tx in
            guard let row = try tx.record(uid), let org = try tx.orgs().first(where: { $0.id == row.org }) else {
                return nil
            }
            return try tx.snapshot(row, org: org.name)
        }
    }

    /// The snapshot with this record id.
    package func snapshot(id: RecordID, org: String) throws(StoreError) -> SnapshotRecord? {
        try StoreError.mapped {
            guard let found = try snapshot(id.bytes), found.org == org else { return nil }
            return found
        }
    }

    /// The snapshot that a tag names.
    package func snapshot(org: String, name: String, tag: String) throws(StoreError) -> SnapshotRecord? {
        try StoreError.mapped {
            try catalogue.read { tx in
                guard let org = try tx.org(named: org), let row = try tx.tag(org: org.id, name: name, tag: tag),
                    let record = try tx.record(row.record)
                else { return nil }
                return try tx.snapshot(record, org: org.name)
            }
        }
    }

    /// The snapshots whose manifest lies between two digests, newest first, at most 100.
    package func snapshots(org: String, manifestFrom low: Digest, to high: Digest) throws(StoreError)
        -> [SnapshotRecord]
    {
        try StoreError.mapped {
            try catalogue.read { tx in
                guard let org = try tx.org(named: org) else { return [] }
                return try tx.records(org: org.id, manifestFrom: low, to: high).map {
                    try tx.snapshot($0, org: org.name)
                }
            }
        }
    }
}

extension ReadAccess {
    func snapshot(_ row: RecordRow, org: String) throws -> SnapshotRecord {
        guard let id = RecordID(bytes: row.uid) else {
            throw CatalogueError(.corrupt, "The catalogue holds a record without a proper id: run `snapstore fsck`.")
        }
        return SnapshotRecord(
            id: id, org: org, name: row.name, tags: try tags(record: row.uid).map(\.tag),
            visibility: row.visibility, manifest: row.manifest, kind: row.kind,
            parent: row.parent.flatMap { RecordID(bytes: $0) }, creator: row.creator,
            labels: try labels(record: row.uid).map { SnapshotRecord.Label(key: $0.key, value: $0.value) },
            createdMilliseconds: row.createdMilliseconds, logicalBytes: row.logicalBytes,
            uniqueBytes: row.uniqueBytes, newBytes: row.newBytes, storedBytes: row.storedBytes,
            fileCount: row.fileCount, chunkCount: row.chunkCount)
    }
}

// MARK: Tags and deletes

extension Store {
    /// Points `name:tag` at a snapshot of the same name or another.
    ///
    /// - Returns: The manifest that the tag named before, if another.
    /// - Throws: ``StoreError/Code/preconditionFailed`` when it may not move; ``StoreError/Code/notFound`` when the
    ///   snapshot is gone.
    package func setTag(
        org: String, name: String, tag: String, to snapshot: SnapshotRecord, ifMatch: SnapshotDraft.Match?,
        force: Bool
    ) throws(StoreError) -> Digest? {
        try StoreError.mapped {
            let org = try knownOrg(org)
            return try catalogue.write("tag") { tx in
                guard let record = try tx.reading.record(snapshot.id.bytes), record.org == org.id else {
                    throw StoreError(.notFound, "The snapshot \(snapshot.displayName) has just been deleted.")
                }
                let verdict = try TagRule.judge(
                    name: name, tag: tag, existing: tx.reading.tagged(org: org.id, name: name, tag: tag),
                    manifest: record.manifest, ifMatch: ifMatch, force: force)
                guard case .set(let replaced) = verdict else { return nil }
                _ = try tx.setTag(org: org.id, name: name, tag: tag, record: record.uid)
                return replaced
            }
        }
    }

    /// Removes a tag, and its snapshot with its last tag. What the snapshot alone held is let go in the background of
    /// later calls; ``settle(org:onSettling:)`` does it now.
    ///
    /// - Returns: The snapshot when it went too.
    package func deleteTag(org: String, name: String, tag: String) throws(StoreError) -> SnapshotRecord? {
        try StoreError.mapped {
            let org = try knownOrg(org)
            return try catalogue.write("delete") { tx in
                guard let row = try tx.reading.tag(org: org.id, name: name, tag: tag),
                    let record = try tx.reading.record(row.record)
                else { throw StoreError(.notFound, "There is no snapshot `\(name):\(tag)`.") }
                let snapshot = try tx.reading.snapshot(record, org: org.name)
                try tx.deleteTag(org: org.id, name: name, tag: tag)
                guard snapshot.tags.count == 1 else { return nil }
                try delete(record, label: "\(name):\(tag)", org: org, tx)
                return snapshot
            }
        }
    }

    /// Removes a snapshot with all its tags. Costs the same for any size: what it held is let go by later calls.
    package func deleteSnapshot(id: RecordID, org: String) throws(StoreError) {
        try StoreError.mapped {
            let org = try knownOrg(org)
            // Tags beyond what the transaction takes that removes the snapshot go before it.
            var isDone = false
            while !isDone {
                isDone = try catalogue.write("delete") { tx in
                    guard let record = try tx.reading.record(id.bytes), record.org == org.id else {
                        throw StoreError(.notFound, "There is no snapshot with the id \(id).")
                    }
                    guard try tx.deleteTags(record: record.uid, limit: 500) < 500 else { return false }
                    try delete(record, label: record.name, org: org, tx)
                    return true
                }
            }
        }
    }

    private func delete(_ record: RecordRow, label: String, org: OrgRow, _ tx: WriteAccess) throws {
        try tx.deleteRecord(record.uid)
        let stamp = try tx.stamp(clock.reading())
        let draft = try JobDraft(org: org.id, cause: "delete", commit: nil).encoded()
        _ = try tx.insertJob(
            JobRow(
                id: 0, scope: org.scope, kind: .detach, state: .running, stamp: stamp, session: nil,
                record: record.uid, label: "delete \(label)",
                roots: [ObjectKey(.manifest, record.manifest), ObjectKey(.record, record.object)], nextRoot: 0,
                bytes: 0, draft: draft, errorCode: nil, errorMessage: nil))
    }

    /// Works off what deletes and commits have queued in an organisation's scope.
    package func settle(org: String, onSettling: (String) -> Void = { _ in }) throws(StoreError) {
        try StoreError.mapped {
            guard let org = try catalogue.read({ try $0.org(named: org) }) else { return }
            try runner.settle(scope: org.scope, onSettling: onSettling)
        }
    }
}
