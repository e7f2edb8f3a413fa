internal import SnapCatalogue
package import SnapDigest
internal import SnapIO
package import SnapModel
package import SnapPacks

/// What a session is for; shown to operators.
package enum SessionKind: String, Sendable {
    case create
    case restore
    case `import`
    case gc
    case fsck
    case backup
    case push
    case pull
    case publish
    case copy
}

/// One use of a store: while it is open, nothing that was held when it began is deleted, and what it writes belongs to
/// it alone until ``commit(_:cause:onSettling:)``.
///
/// Lives as long as this value or its process: the kernel drops the lock of a process that dies, and the next one to
/// open the store removes what the session wrote. For one thread at a time.
package final class Session {
    package let store: Store
    let org: OrgRow
    let row: SessionRow
    private let lock: SessionLock
    private let held: HeldObjects
    private let heldCopy: ScopeCopy<SortedObjects>
    let uploads = SessionUploads()
    private let hasher: SHA256
    private var writer: PackWriter?
    private var isOpen = true
    /// Objects put again because the bytes held are damaged.
    var healing: [ObjectKey] = []
    private let isDamageKnown: Bool

    /// Objects, raw bytes and packed bytes that were not in the store before this session.
    package private(set) var newObjects = 0
    package private(set) var newBytes: Int64 = 0
    private let sealer: PackSealer
    package var storedBytes: Int64 { sealer.storedBytes }

    /// Distinct objects asked for, held before or not.
    var distinct = DistinctObjects()
    package var uniqueBytes: Int64 { distinct.bytes }

    init(store: Store, kind: SessionKind, org: OrgRow) throws {
        self.store = store
        self.org = org
        hasher = try SHA256()
        (lock, row) = try store.noteSession(kind, scope: org.scope)
        let scope = org.scope
        heldCopy = ScopeCopy(store.catalogue, scope) { SortedObjects(try $0.heldKeys(scope: scope, limit: $1)) }
        held = HeldObjects(try store.catalogue.makeHeldLookup(), scope: org.scope, copy: heldCopy)
        isDamageKnown = try store.catalogue.read { try $0.hasBadObjects(scopes: [scope, .public]) }
        sealer = PackSealer(catalogue: store.catalogue, session: row.id, scope: org.scope, uploads: uploads)
    }

    deinit {
        // Without `end()` the rows stay for the next opening to clean up, as after a crash.
        writer?.abandon()
    }

    /// Whether the object need not be put: this session has written it, or the organisation or `public` holds it.
    package func contains(_ key: ObjectKey) throws(StoreError) -> Bool { try contains(key, isHeld: nil) }

    private func contains(_ key: ObjectKey, isHeld: Bool?) throws(StoreError) -> Bool {
        if isHeld == true || uploads.contains(key) { return true }
        return try StoreError.mapped {
            if uploads.hasSpilled, try store.catalogue.read({ try $0.upload(key, session: row.id) }) != nil {
                return true
            }
            return try isHeld ?? held.contains(key)
        }
    }

    /// Whether the organisation has a snapshot with this manifest: then it holds all that belongs to it.
    package func hasSnapshot(_ manifest: Digest) throws(StoreError) -> Bool {
        try StoreError.mapped { try store.catalogue.read { try $0.hasRecord(manifest: manifest, org: org.id) } }
    }

    /// Another thread's look-ups, for ``put(_:_:isHeld:)``.
    package func makeHeldObjects() throws(StoreError) -> HeldObjects {
        try StoreError.mapped {
            HeldObjects(try store.catalogue.makeHeldLookup(), scope: org.scope, copy: heldCopy)
        }
    }

    /// Stores an object, unless it is held already. `bytes` must be those of `key`; they are copied.
    ///
    /// - Parameter isHeld: What ``HeldObjects`` said of it, where that was asked.
    /// - Throws: ``StoreError/Code/outOfSpace``, ``StoreError/Code/io``; the session can only end then.
    package func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer, isHeld: Bool? = nil) throws(StoreError) {
        distinct.note(key, length: Int64(bytes.count))
        guard try !contains(key, isHeld: isHeld) else { return }
        try StoreError.mapped {
            if isDamageKnown, try isDamaged(key) { healing.append(key) }
            uploads.note(key, bytes)
            newObjects += 1
            newBytes += Int64(bytes.count)
            try openWriter().append(key, bytes)
        }
    }

    /// Stores the objects of a frame, as ``put(_:_:isHeld:)`` does each of them; the frame as it is, where all of it is new.
    ///
    /// - Parameters:
    ///   - frame: Whose bytes, and the digest of each object in it, were checked.
    ///   - objects: The bytes of each of its objects.
    package func put(_ frame: StoredFrame, _ objects: [(key: ObjectKey, bytes: UnsafeRawBufferPointer)])
        throws(StoreError)
    {
        guard try isWorthKeeping(frame) else {
            for (key, bytes) in objects { try put(key, bytes) }
            return
        }
        try StoreError.mapped {
            for (key, bytes) in objects {
                distinct.note(key, length: Int64(bytes.count))
                uploads.note(key, bytes)
            }
            newObjects += objects.count
            newBytes += Int64(frame.rawBytes)
            try openWriter().append(frame)
        }
    }

    /// Small frames are put together with others, which compresses them better; what is held is not stored twice; and what
    /// heals damage is looked at one by one.
    private func isWorthKeeping(_ frame: StoredFrame) throws(StoreError) -> Bool {
        guard frame.rawBytes >= PackWriter.frameRawBytes / 4, !isDamageKnown,
            Set(frame.objects.map { $0.key.kind == .chunk }).count == 1,
            Set(frame.objects.map(\.key)).count == frame.objects.count
        else { return false }
        for (key, _) in frame.objects where try contains(key) { return false }
        return true
    }

    /// Stores bytes under their digest, which is returned.
    package func store(_ kind: ObjectKind, _ bytes: [UInt8]) throws(StoreError) -> Digest {
        let digest = hasher.digest(bytes)
        do {
            try bytes.withUnsafeBytes { try put(ObjectKey(kind, digest), $0) }
        } catch {
            throw StoreError(mapping: error)
        }
        return digest
    }

    private func openWriter() throws -> PackWriter {
        if let writer { return writer }
        let sealer = sealer
        let made = try PackWriter(
            backend: store.backend, scope: try scopeName(), threads: 2,
            allocate: { try sealer.announce() }, sealed: { try sealer.sealed($0) })
        writer = made
        return made
    }

    private func scopeName() throws -> String {
        guard let scope = try store.catalogue.read({ try $0.scope(row.scope) }) else {
            throw CatalogueError(.corrupt, "The catalogue has lost the scope of `\(org.name)`: run `snapstore fsck`.")
        }
        return scope.name
    }

    func finishWriter() throws {
        try writer?.finish()
        writer = nil
    }

    /// Makes a snapshot of what was put and what is held.
    ///
    /// Durable and visible when this returns; a crash before leaves nothing visible. The session has ended then,
    /// unless an error is thrown.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed`` when the tag may not be set,
    ///   ``StoreError/Code/incomplete`` when the manifest needs objects that are nowhere.
    package func commit(
        _ draft: SnapshotDraft, cause: String = "create", onSettling: (String) -> Void = { _ in }
    ) throws(StoreError) -> CommitResult {
        try StoreError.mapped {
            try heal()
            if let same = try store.unchanged(draft, org: org) {
                end()
                return CommitResult(record: same, isNew: false, replaced: nil)
            }
            let id = RecordID()
            let commit = try commitDraft(draft, id: id)
            try finishWriter()
            held.rest()
            let job = try queue(commit, id: id, cause: cause)
            try store.runner.settle(
                scope: org.scope, through: job, session: row.id, uploads: uploads, onSettling: onSettling)
            let result = try store.result(ofJob: job)
            end()
            return result
        }
    }

    /// Writes the record object, so that a lost catalogue can be rebuilt, and fills in the draft.
    private func commitDraft(_ draft: SnapshotDraft, id: RecordID) throws -> CommitDraft {
        guard draft.labels.count <= SnapshotDraft.labelsMax else {
            throw StoreError(
                .invalid, "The snapshot has \(draft.labels.count) labels, over the limit of \(SnapshotDraft.labelsMax)."
            )
        }
        let created = store.clock.milliseconds()
        let object = RecordObject(
            id: id.bytes, org: org.name, name: draft.name, tag: draft.tag, manifest: draft.manifest,
            createdMilliseconds: created, creator: draft.creator,
            labels: draft.labels.map { RecordObject.Label(key: $0.key, value: $0.value) }, parent: draft.parent?.bytes,
            visibility: .organization)
        let bytes: [UInt8]
        do {
            bytes = try object.encode()
        } catch {
            // Names and labels come from the caller: nothing is damaged.
            throw StoreError(.invalid, error.message)
        }
        let digest = try store(.record, bytes)
        return CommitDraft(
            name: draft.name, tag: draft.tag, ifMatch: draft.ifMatch, force: draft.force,
            manifest: draft.manifest.description, object: digest.description, kind: draft.kind,
            parent: draft.parent?.description, creator: draft.creator, labels: draft.labels,
            createdMilliseconds: created, logicalBytes: draft.logicalBytes,
            uniqueBytes: draft.uniqueBytes ?? uniqueBytes,
            storedBytes: storedBytes, fileCount: draft.fileCount, chunkCount: draft.chunkCount,
            expiresMilliseconds: draft.expiresMilliseconds, author: draft.author,
            revival: draft.deleted.map { CommitDraft.Revival(id: $0.id.description, tags: $0.tags) })
    }

    private func queue(_ commit: CommitDraft, id: RecordID, cause: String) throws -> Int64 {
        guard let manifest = Digest(commit.manifest), let object = Digest(commit.object) else {
            throw StoreError(.invalid, "The manifest's digest is not one.")
        }
        var commit = commit
        commit.storedBytes = storedBytes
        let draft = try JobDraft(org: org.id, cause: cause, commit: commit).encoded()
        return try store.catalogue.write("commit") { tx in
            try tx.queue(
                .attach, in: org.scope, [ObjectKey(.manifest, manifest), ObjectKey(.record, object)],
                record: id.bytes, label: "create \(commit.name)" + (commit.tag.map { ":\($0)" } ?? ""),
                draft: draft, session: row.id, at: store.clock.reading())
        }
    }

    /// Ends the session; what it wrote and did not commit is removed.
    package func end() {
        guard isOpen else { return }
        isOpen = false
        writer?.abandon()
        writer = nil
        // A failure here leaves what a crash would leave: the next opening cleans it up.
        try? store.forget(session: row)
        lock.release()
    }
}

extension Store {
    /// Notes a session, with the lock by which others see that it is alive.
    func noteSession(_ kind: SessionKind, scope: ScopeID) throws -> (lock: SessionLock, row: SessionRow) {
        try catalogue.refuseIfReadOnly()
        let uid = RecordID().description
        // The lock comes first: a row without a locked file is a session that died.
        let lock = try SessionLock.create(path: layout.sessionFile(uid))
        do {
            let row = try catalogue.write("session") { tx in
                try tx.insertSession(
                    uid: uid, kind: kind.rawValue, scope: scope, startedMilliseconds: clock.milliseconds())
            }
            return (lock, row)
        } catch {
            lock.release()
            throw error
        }
    }
}
