internal import SnapCatalogue
internal import SnapDigest
package import SnapIO
internal import SnapModel
internal import SnapPacks

/// What a rebuild found. Snapshots are named as their records name them.
package struct RebuildResult: Sendable {
    /// Time of the backup it began from; nil when there was none.
    package var backupMilliseconds: Int64?
    /// Snapshots that the rebuilt catalogue holds.
    package var snapshots: [String] = []
    /// Snapshots found in packs that wait for `--adopt`: without a backup nobody knows which were deleted.
    package var candidates: [String] = []
    /// Snapshots whose objects are gone.
    package var lost: [String] = []
    package var packs = 0
}

extension Store {
    /// Makes a lost or damaged catalogue anew: from the newest backup and the records in packs written after it, or
    /// from packs alone.
    ///
    /// It is made beside the old one, and takes its place last: cut short, a rebuild leaves what was there. The old
    /// catalogue, if any, is kept under another name. Nothing else may use the store meanwhile.
    ///
    /// - Parameter adopt: Without a backup: take every snapshot found, deleted ones included. Otherwise they are only
    ///   listed, and the store is left as it was.
    package static func rebuildCatalogue(path: String, adopt: Bool, disk: Disk = Disk()) throws(StoreError)
        -> RebuildResult
    {
        try StoreError.mapped {
            let layout = StoreLayout(root: path)
            guard Kernel.exists(layout.format) else {
                throw StoreError(
                    .notFound, "There is no store at \(path).", hint: "Give its path with --store or SNAPSTORE_STORE.")
            }
            let rebuild = Rebuild(layout: layout, disk: disk)
            return try rebuild.run(adopt: adopt)
        }
    }
}

/// Makes a catalogue anew in the directory of a store.
struct Rebuild {
    let layout: StoreLayout
    let disk: Disk

    func run(adopt: Bool) throws -> RebuildResult {
        // What damaged the catalogue may have damaged a backup, too.
        let backup = try CatalogueBackup.all(in: layout.backups).last { Catalogue.isSound(copy: $0.path) }
        var result = RebuildResult()
        result.backupMilliseconds = backup?.takenMilliseconds
        if backup == nil, !adopt {
            result.candidates = try RecordScan(layout: layout, disk: disk).records().map(\.displayName)
            return result
        }
        try refuseWhileUsed()
        try removeUnfinished()
        if let backup { try place(backup) }
        try fill(&result)
        try setAside()
        try disk.rename(layout.rebuiltCatalogue, to: layout.catalogue)
        try disk.syncDirectory(layout.root)
        try removeUnfinished()
        return result
    }

    /// Brings the catalogue that was placed, or an empty one, up to what the packs hold.
    private func fill(_ result: inout RebuildResult) throws {
        let catalogue = try Catalogue.open(
            directory: layout.root, name: StoreLayout.rebuiltName, create: true, disk: disk)
        let format = try StoreFormat(parsing: try Kernel.readFile(layout.format, limit: 4096), path: layout.format)
        let store = try Store(
            layout: layout, storeID: format.storeID, disk: disk, catalogue: catalogue,
            backend: try LocalPackBackend(root: layout.packs, disk: disk))
        defer { store.close() }
        try forgetSessions(catalogue)
        try store.cleanUpDeadSessions()
        let missing = try missingPacks(store)
        var records: [RecordObject] = []
        for scope in try store.backend.scopes() where SnapshotName.isValid(scope) {
            records += try adoptPacks(scope, store, missing: Set(missing.map(\.id)), &result)
        }
        try forget(missing, store, &result)
        for record in records.sorted(by: { $0.createdMilliseconds < $1.createdMilliseconds }) {
            try restore(record, store, &result)
        }
        for org in try store.catalogue.read({ try $0.orgs() }) {
            result.snapshots += try store.snapshots(org: org.name).map { "\(org.name)/\($0.displayName)" }
        }
        try catalogue.finishLog()
    }

    /// Removes what a rebuild that was cut short left.
    private func removeUnfinished() throws {
        for name in ["", "-wal", "-shm", ".new"] where Kernel.exists(layout.rebuiltCatalogue + name) {
            try disk.unlink(layout.rebuiltCatalogue + name)
        }
    }

    private func refuseWhileUsed() throws {
        for name in try Kernel.names(inDirectory: layout.sessions) {
            let file = layout.sessionFile(String(decoding: name, as: UTF8.self))
            guard let lock = try SessionLock.tryTake(path: file) else {
                throw StoreError(.busy, "Another process uses the store.", hint: "End it, then try again.")
            }
            lock.release()
        }
    }

    /// Moves a damaged catalogue out of the way, with its log.
    private func setAside() throws {
        let suffix = ".lost-\(Kernel.wallNanoseconds() / 1_000_000)"
        for name in ["", "-wal", "-shm"] where Kernel.exists(layout.catalogue + name) {
            try disk.rename(layout.catalogue + name, to: layout.catalogue + suffix + name)
            // For good before the next: a power cut that brought the database back without its log would take away the
            // last commits, and one that brought back the log would give it to the new database.
            try disk.syncDirectory(layout.root)
        }
    }

    private func place(_ backup: CatalogueBackup) throws {
        try disk.copyFile(backup.path, to: layout.rebuiltCatalogue)
    }

    /// Sessions in a backup have ended since, and may have committed what they were writing then. Forgets the rows of
    /// their packs, which are found anew; opening the store would take them for dead and delete their packs.
    private func forgetSessions(_ catalogue: Catalogue) throws {
        for session in try catalogue.read({ try $0.sessions() }) {
            // A commit that was queued is settled when the store is opened.
            if try catalogue.read({ try $0.hasJob(session: session.id) }) { continue }
            while try catalogue.write("forget", { try $0.deleteUploads(session: session.id, limit: 500) }) == 500 {}
            for pack in try catalogue.read({ try $0.packs(session: session.id) }) where pack.state == .pending {
                while try catalogue.write("forget", { try $0.deleteFrames(pack: pack.id, limit: 900) }) == 900 {}
                try catalogue.write("forget") { try $0.deletePack(pack.id) }
            }
            while try catalogue.write("forget", { try $0.releasePacks(session: session.id, limit: 500) }) == 500 {}
            try catalogue.write("forget") { try $0.deleteSession(session.id) }
        }
    }

    /// Makes a snapshot of a record found in a pack, unless the backup knows it already.
    private func restore(_ record: RecordObject, _ store: Store, _ result: inout RebuildResult) throws {
        let org = try store.ensureOrg(record.org)
        guard try store.catalogue.read({ try $0.record(record.id) }) == nil else { return }
        guard record.labels.count <= SnapshotDraft.labelsMax else { return result.lost.append(record.displayName) }
        let encoded = try record.encode()
        let object = try SHA256().digest(encoded)
        // What cannot be computed is not whole: the attach refuses it.
        let size = try? SnapshotSize(
            manifest: record.manifest,
            objects: JobObjects(
                catalogue: store.catalogue, frames: store.frames, scope: org.scope, session: nil, uploads: nil))
        let tag = try store.catalogue.read { try $0.tagOfRestored(record, org: org.id) }
        let commit = CommitDraft(
            name: record.name, tag: tag, ifMatch: nil, force: true, manifest: record.manifest.description,
            object: object.description, kind: (size?.kind ?? .directory).rawValue,
            parent: record.parent.map { Hex.encode($0) }, creator: record.creator,
            labels: record.labels.map { SnapshotRecord.Label(key: $0.key, value: $0.value) },
            createdMilliseconds: record.createdMilliseconds, logicalBytes: Int64(clamping: size?.sum.logicalBytes ?? 0),
            uniqueBytes: size?.uniqueBytes ?? 0,
            // Only the session that wrote it knew what it took.
            storedBytes: 0, fileCount: Int64(clamping: size?.sum.files ?? 0),
            chunkCount: Int64(clamping: size?.sum.chunks ?? 0))
        let draft = try JobDraft(org: org.id, cause: "rebuild", commit: commit).encoded()
        let job = try store.catalogue.write("rebuild") { tx in
            try tx.queue(
                .attach, in: org.scope, [ObjectKey(.manifest, record.manifest), ObjectKey(.record, object)],
                record: record.id, label: "rebuild \(record.name)", draft: draft, at: store.clock.reading())
        }
        try store.runner.settle(scope: org.scope, through: job)
        if (try? store.result(ofJob: job)) == nil { result.lost.append(record.displayName) }
    }
}

extension ReadAccess {
    /// The tag of a record found in a pack, unless a later snapshot has it: the tag moved on, or that commit was refused.
    fileprivate func tagOfRestored(_ record: RecordObject, org: Int64) throws -> String? {
        guard let tag = record.tag, let uid = try tagged(org: org, name: record.name, tag: tag)?.record,
            let holder = try self.record(uid)
        else { return record.tag }
        return holder.createdMilliseconds < record.createdMilliseconds ? tag : nil
    }
}

extension RecordObject {
    fileprivate var displayName: String { "\(org)/\(name)" + (tag.map { ":\($0)" } ?? "") }
}
