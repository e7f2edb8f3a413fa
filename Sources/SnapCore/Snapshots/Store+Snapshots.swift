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

    /// What a commit of `draft` would repeat; nil for an organisation that does not exist.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed`` when the tag may not be set.
    package func unchanged(_ draft: SnapshotDraft, org name: String) throws(StoreError) -> SnapshotRecord? {
        try StoreError.mapped {
            guard let org = try catalogue.read({ try $0.org(named: name) }) else { return nil }
            return try unchanged(draft, org: org)
        }
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
        let tags = try tags(record: row.uid).map { SnapshotTag($0) }
        return SnapshotRecord(
            id: id, org: org, name: row.name,
            tags: tags.filter { $0.name == row.name } + tags.filter { $0.name != row.name },
            visibility: SnapshotVisibility(rawValue: row.visibility) ?? .organization, manifest: row.manifest,
            kind: row.kind,
            parent: row.parent.flatMap { RecordID(bytes: $0) }, creator: row.creator,
            labels: try labels(record: row.uid).map { SnapshotRecord.Label(key: $0.key, value: $0.value) },
            createdMilliseconds: row.createdMilliseconds, logicalBytes: row.logicalBytes,
            uniqueBytes: row.uniqueBytes, newBytes: row.newBytes, storedBytes: row.storedBytes,
            fileCount: row.fileCount, chunkCount: row.chunkCount, isProtected: row.isProtected,
            expiresMilliseconds: row.expiresMilliseconds)
    }
}

// MARK: Tags

extension ReadAccess {
    func tagState(_ name: SnapshotTag, org: Int64) throws -> TagState? {
        guard let tagged = try tagged(org: org, name: name.name, tag: name.tag), let id = RecordID(bytes: tagged.record)
        else { return nil }
        return TagState(name: name, snapshot: id, manifest: tagged.manifest, version: tagged.version)
    }
}

extension Store {
    /// What a tag names now.
    ///
    /// - Throws: ``StoreError/Code/notFound``.
    package func tagState(_ name: SnapshotTag, org: String) throws(StoreError) -> TagState {
        try StoreError.mapped {
            let found = try catalogue.read { tx in try tx.org(named: org).flatMap { try tx.tagState(name, org: $0.id) }
            }
            guard let found else { throw StoreError(.notFound, "There is no such tag.") }
            return found
        }
    }

    /// Points `name:tag` at a snapshot of the same name or another.
    ///
    /// - Returns: The manifest that the tag named before, if another, and what it is now: nobody else has set it between.
    /// - Throws: ``StoreError/Code/preconditionFailed`` when it may not move; ``StoreError/Code/notFound`` when the
    ///   snapshot is gone.
    @discardableResult
    package func setTag(
        org: String, name: String, tag: String, to snapshot: SnapshotRecord, ifMatch: SnapshotDraft.Match?,
        force: Bool, by author: EventAuthor? = nil
    ) throws(StoreError) -> (replaced: Digest?, state: TagState) {
        try StoreError.mapped {
            let org = try knownOrg(org)
            return try catalogue.write("tag") { tx in
                guard let record = try tx.reading.record(snapshot.id.bytes), record.org == org.id else {
                    throw StoreError(.notFound, "The snapshot \(snapshot.displayName) has just been deleted.")
                }
                let verdict = try TagRule.judge(
                    name: name, tag: tag, existing: tx.reading.tagged(org: org.id, name: name, tag: tag),
                    manifest: record.manifest, ifMatch: ifMatch, force: force)
                let target = SnapshotTag(name: name, tag: tag)
                var before: Digest?
                if case .set(let replaced) = verdict {
                    before = replaced
                    _ = try tx.setTag(org: org.id, name: name, tag: tag, record: record.uid)
                    if let author {
                        try tx.note(
                            "tag.set", target: target.description, org: org.id, by: author, at: clock.milliseconds())
                    }
                }
                guard let state = try tx.reading.tagState(target, org: org.id) else {
                    throw CatalogueError(.corrupt, "The catalogue has lost a tag that was just set.")
                }
                return (before, state)
            }
        }
    }
}
