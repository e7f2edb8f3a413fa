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
    /// The old catalogue, if any, is kept beside under another name. Nothing else may use the store meanwhile.
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

private struct Rebuild {
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
        try setAside()
        if let backup { try place(backup) }
        let catalogue = try Catalogue.open(directory: layout.root, create: true, disk: disk)
        try forgetSessions(catalogue)
        catalogue.close()
        let store = try Store.open(path: layout.root, create: false, disk: disk)
        defer { store.close() }
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
        return result
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
        }
        try disk.syncDirectory(layout.root)
    }

    private func place(_ backup: CatalogueBackup) throws {
        let source = try Kernel.open(backup.path, .readOnly)
        // A rebuild that was cut short may have left one.
        try disk.unlink(layout.catalogue + ".new")
        let target = try disk.createFile(layout.catalogue + ".new")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        while true {
            let count = try Kernel.read(source, into: buffer, at: offset)
            if count == 0 { break }
            try disk.write(target, UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            offset += UInt64(count)
        }
        try disk.sync(target)
        try disk.rename(target.path, to: layout.catalogue)
        try disk.syncDirectory(layout.root)
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

    /// Packs of the backup that were collected since it was taken.
    private func missingPacks(_ store: Store) throws -> [PackRow] {
        let scopes = try store.catalogue.read { try $0.scopes() }
        return try store.catalogue.read { try $0.packs(state: .live) }.filter { pack in
            guard let id = PackID(bytes: pack.uid), let scope = scopes.first(where: { $0.id == pack.scope }) else {
                return true
            }
            do {
                _ = try store.backend.size(scope: scope.name, id: id)
                return false
            } catch let error as PackError where error.code == .missing {
                return true
            }
        }
    }

    /// Registers packs that the catalogue does not know: objects that it knows from a missing pack have moved here, the
    /// others are held by nobody yet. Returns the records among those.
    private func adoptPacks(
        _ scopeName: String, _ store: Store, missing: Set<Int64>, _ result: inout RebuildResult
    ) throws -> [RecordObject] {
        let scope =
            scopeName == "public"
            ? ScopeID.public : try store.ensureOrg(scopeName).scope
        let known = Set(try store.catalogue.read { try $0.packs() }.map(\.uid))
        var records: [RecordObject] = []
        for id in try store.backend.list(scope: scopeName) where !known.contains(id.bytes) {
            guard let index = try? PackIndex.read(backend: store.backend, scope: scopeName, id: id) else { continue }
            result.packs += 1
            let size = try store.backend.size(scope: scopeName, id: id)
            let pack = try store.catalogue.write("adopt") { tx in
                try tx.insertPack(uid: id.bytes, scope: scope, session: nil, state: .live)
            }
            let frames = try PackRegistration.insertFrames(index, pack: pack, storedBytes: size, store.catalogue)
            let places = PackRegistration.places(index, frames: frames)
            // A record that the backup knows is in it, or was deleted before it was taken.
            for place in try insert(places, pack: pack, scope: scope, missing: missing, store)
            where place.key.kind == .record {
                if let bytes = try? store.frames.read(place), let record = try? RecordObject.decode(bytes) {
                    records.append(record)
                }
            }
        }
        return records
    }

    /// Returns the objects that were not known.
    private func insert(
        _ places: [ObjectPlace], pack: Int64, scope: ScopeID, missing: Set<Int64>, _ store: Store
    ) throws -> [ObjectPlace] {
        let now = store.clock.milliseconds()
        var new: [ObjectPlace] = []
        for batch in places.batches(of: 400) {
            try store.catalogue.write("adopt-objects") { tx in
                let sequence = try tx.nextSequence()
                var live: (objects: Int64, bytes: Int64) = (0, 0)
                for place in batch {
                    if let row = try tx.reading.object(place.key, scope: scope) {
                        guard let frame = row.frame, let old = try tx.reading.frame(frame)?.pack, missing.contains(old)
                        else { continue }
                        try tx.moveObject(place.key, scope: scope, frame: place.frame, position: place.position)
                        try tx.addLive(pack: old, objects: -1, bytes: -place.length)
                    } else {
                        try tx.insertObject(place, scope: scope, refs: 0)
                        try tx.letGo(place.key, scope: scope, sequence: sequence, milliseconds: now)
                        new.append(place)
                    }
                    live.objects += 1
                    live.bytes += place.length
                }
                try tx.addLive(pack: pack, objects: live.objects, bytes: live.bytes)
            }
        }
        return new
    }

    /// Snapshots that need something which was only in missing packs are dropped by name, and what was in them is
    /// forgotten.
    private func forget(_ missing: [PackRow], _ store: Store, _ result: inout RebuildResult) throws {
        guard !missing.isEmpty else { return }
        var check = WholeSnapshots(store: store, missing: Set(missing.map(\.id)))
        for org in try store.catalogue.read({ try $0.orgs() }) {
            for record in try store.snapshots(org: org.name) where try !check.isWhole(record.manifest, org) {
                result.lost.append("\(org.name)/\(record.displayName)")
                try store.deleteSnapshot(id: record.id, org: org.name)
            }
            try store.settle(org: org.name)
            try recount(org, store)
        }
        for scope in Set(missing.map(\.scope)) {
            try forgetObjects(in: missing.filter { $0.scope == scope }, scope, store)
        }
        for pack in missing {
            try store.catalogue.write("drop") { try $0.setPack(pack.id, state: .dropped) }
            try store.removeDropped(pack)
        }
    }

    /// Counts anew, and corrects the ledger by what that changes.
    private func recount(_ org: OrgRow, _ store: Store) throws {
        guard let scope = try store.catalogue.read({ try $0.scope(org.scope) }) else { return }
        let change = try ReferenceRecount(store: store, scope: scope).repair()
        guard change != 0 else { return }
        try store.catalogue.write("correction") { tx in
            let stamp = try tx.stamp(store.clock.reading())
            try tx.appendLedger(
                org: org.id, stamp: stamp, bytes: change, record: [UInt8](repeating: 0, count: 16), cause: "rebuild")
        }
    }

    /// Deletes the rows of objects in packs that are gone; one that is still counted stays, marked as damaged.
    private func forgetObjects(in packs: [PackRow], _ scope: ScopeID, _ store: Store) throws {
        let frames = Set(
            try packs.flatMap { pack in try store.catalogue.read { try $0.frames(pack: pack.id) }.map(\.id) })
        let now = store.clock.milliseconds()
        var last: ObjectKey?
        while true {
            let rows = try store.catalogue.read { try $0.objects(scope: scope, after: last, limit: 300) }
            guard let end = rows.last else { break }
            last = end.key
            let gone = rows.filter { $0.frame.map(frames.contains) ?? false }
            guard !gone.isEmpty else { continue }
            try store.catalogue.write("forget-objects") { tx in
                let sequence = try tx.nextSequence()
                for row in gone {
                    if row.refs > 0, let frame = row.frame {
                        try tx.markBad(row.key, scope: scope, frame: frame, true)
                    } else {
                        try tx.letGo(row.key, scope: scope, sequence: sequence, milliseconds: now)
                        _ = try tx.deleteCondemned(row.key, scope: scope)
                    }
                }
            }
        }
    }

    /// Makes a snapshot of a record found in a pack, unless the backup knows it already.
    private func restore(_ record: RecordObject, _ store: Store, _ result: inout RebuildResult) throws {
        let org = try store.ensureOrg(record.org)
        guard try store.catalogue.read({ try $0.record(record.id) }) == nil else { return }
        guard record.labels.count <= SnapshotDraft.labelsMax else { return result.lost.append(record.displayName) }
        let encoded = try record.encode()
        let object = try SHA256().digest(encoded)
        let kind = try? store.manifestKind(record.manifest, scope: org.scope)
        let tag = try store.catalogue.read { try $0.tagOfRestored(record, org: org.id) }
        let commit = CommitDraft(
            name: record.name, tag: tag, ifMatch: nil, force: true, manifest: record.manifest.description,
            object: object.description, kind: kind ?? Manifest.Kind.directory.rawValue,
            parent: record.parent.map { Hex.encode($0) }, creator: record.creator,
            labels: record.labels.map { SnapshotRecord.Label(key: $0.key, value: $0.value) },
            createdMilliseconds: record.createdMilliseconds, logicalBytes: 0, uniqueBytes: 0, storedBytes: 0,
            fileCount: 0, chunkCount: 0)
        let draft = try JobDraft(org: org.id, cause: "rebuild", commit: commit).encoded()
        let job = try store.catalogue.write("rebuild") { tx in
            try tx.insertJob(
                JobRow(
                    id: 0, scope: org.scope, kind: .attach, state: .running,
                    stamp: try tx.stamp(store.clock.reading()), session: nil, record: record.id,
                    label: "rebuild \(record.name)",
                    roots: [ObjectKey(.manifest, record.manifest), ObjectKey(.record, object)], nextRoot: 0,
                    bytes: 0, draft: draft, errorCode: nil, errorMessage: nil))
        }
        try store.runner.settle(scope: org.scope, through: job)
        if (try? store.result(ofJob: job)) == nil { result.lost.append(record.displayName) }
    }
}

/// Tells which snapshots have every object in a pack that is there. Reads their metadata, each node once.
private struct WholeSnapshots {
    let store: Store
    let missing: Set<Int64>
    private var whole: [ScopeID: Set<ObjectKey>] = [:]

    init(store: Store, missing: Set<Int64>) {
        self.store = store
        self.missing = missing
    }

    mutating func isWhole(_ manifest: Digest, _ org: OrgRow) throws -> Bool {
        let reader = try store.reader(org: org.name)
        let known = whole[org.scope] ?? []
        var queue = [ObjectKey(.manifest, manifest)]
        var seen = Set(queue)
        while let key = queue.popLast() {
            guard try isThere(key, org.scope) else { return false }
            guard key.kind.hasChildren else { continue }
            guard let bytes = try? reader.read(key), let children = try? ObjectChildren.of(key.kind, bytes) else {
                return false
            }
            for child in children where !known.contains(child) && seen.insert(child).inserted { queue.append(child) }
        }
        whole[org.scope, default: []].formUnion(seen)
        return true
    }

    private func isThere(_ key: ObjectKey, _ scope: ScopeID) throws -> Bool {
        try store.catalogue.read { tx in
            guard let row = try tx.visibleObject(key, scope: scope)?.row, let frame = row.frame,
                let pack = try tx.frame(frame)?.pack
            else { return false }
            return !missing.contains(pack)
        }
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

extension Store {
    fileprivate func manifestKind(_ manifest: Digest, scope: ScopeID) throws -> String? {
        let key = ObjectKey(.manifest, manifest)
        guard let row = try catalogue.read({ try $0.object(key, scope: scope) }), let frame = row.frame else {
            return nil
        }
        let place = ObjectPlace(key: key, length: row.length, frame: frame, position: row.position)
        return try Manifest.decode(frames.read(place)).kind.rawValue
    }
}

extension RecordObject {
    fileprivate var displayName: String { "\(org)/\(name)" + (tag.map { ":\($0)" } ?? "") }
}

/// Finds the records in the packs of a store without a catalogue.
private struct RecordScan {
    let layout: StoreLayout
    let disk: Disk

    func records() throws -> [RecordObject] {
        let backend = try LocalPackBackend(root: layout.packs, disk: disk)
        let decoder = try FrameDecoder()
        var records: [RecordObject] = []
        for scope in try backend.scopes() {
            for id in try backend.list(scope: scope) {
                guard let index = try? PackIndex.read(backend: backend, scope: scope, id: id) else { continue }
                for object in index.objects where object.key.kind == .record {
                    let info = index.frames[object.frame]
                    let stored = try backend.read(
                        scope: scope, id: id, offset: info.offset, count: Int(info.storedBytes))
                    guard let raw = try? decoder.decode(stored, info) else { continue }
                    let start = Int(object.position)
                    let bytes = Array(raw[start..<(start + Int(object.length))])
                    if let record = try? RecordObject.decode(bytes) { records.append(record) }
                }
            }
        }
        return records.sorted { $0.createdMilliseconds < $1.createdMilliseconds }
    }
}
