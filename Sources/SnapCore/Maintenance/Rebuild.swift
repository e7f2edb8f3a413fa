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
        let backup = try CatalogueBackup.all(in: layout.backups).last
        var result = RebuildResult()
        result.backupMilliseconds = backup?.takenMilliseconds
        if backup == nil, !adopt {
            result.candidates = try RecordScan(layout: layout, disk: disk).records().map(\.displayName)
            return result
        }
        try setAside()
        if let backup { try place(backup) }
        try Catalogue.open(directory: layout.root, create: true, disk: disk).close()
        let store = try Store.open(path: layout.root, create: false, disk: disk)
        defer { store.close() }
        var records: [RecordObject] = []
        for scope in try store.backend.scopes() {
            records += try adoptPacks(scope, store, &result)
        }
        try forgetMissingPacks(store, &result)
        for record in records.sorted(by: { $0.createdMilliseconds < $1.createdMilliseconds }) {
            try restore(record, store, &result)
        }
        for org in try store.catalogue.read({ try $0.orgs() }) {
            result.snapshots += try store.snapshots(org: org.name).map { "\(org.name)/\($0.displayName)" }
        }
        return result
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

    /// Registers packs that the catalogue does not know, their objects held by nobody yet. Returns the records in them.
    private func adoptPacks(_ scopeName: String, _ store: Store, _ result: inout RebuildResult) throws -> [RecordObject]
    {
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
            try insert(places, pack: pack, scope: scope, store)
            for place in places where place.key.kind == .record {
                if let bytes = try? store.frames.read(place), let record = try? RecordObject.decode(bytes) {
                    records.append(record)
                }
            }
        }
        return records
    }

    private func insert(_ places: [ObjectPlace], pack: Int64, scope: ScopeID, _ store: Store) throws {
        let now = store.clock.milliseconds()
        for batch in places.batches(of: 400) {
            try store.catalogue.write("adopt-objects") { tx in
                let sequence = try tx.nextSequence()
                var live: (objects: Int64, bytes: Int64) = (0, 0)
                for place in batch where try tx.reading.object(place.key, scope: scope) == nil {
                    try tx.insertObject(place, scope: scope, refs: 0)
                    try tx.letGo(place.key, scope: scope, sequence: sequence, milliseconds: now)
                    live.objects += 1
                    live.bytes += place.length
                }
                try tx.addLive(pack: pack, objects: live.objects, bytes: live.bytes)
            }
        }
    }

    /// After a backup: packs that were collected since it was taken. Snapshots that need them are dropped by name, and
    /// what was in them is forgotten.
    private func forgetMissingPacks(_ store: Store, _ result: inout RebuildResult) throws {
        let missing = try store.catalogue.read { try $0.packs(state: .live) }.filter { pack in
            guard let id = PackID(bytes: pack.uid), let scope = try store.catalogue.read({ try $0.scope(pack.scope) })
            else { return true }
            return (try? store.backend.size(scope: scope.name, id: id)) == nil
        }
        guard !missing.isEmpty else { return }
        for org in try store.catalogue.read({ try $0.orgs() }) {
            for record in try store.snapshots(org: org.name) where try !isWhole(record.manifest, org.name, store) {
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

    private func isWhole(_ manifest: Digest, _ org: String, _ store: Store) throws -> Bool {
        let reader = try store.reader(org: org)
        var queue = [ObjectKey(.manifest, manifest)]
        var seen = Set(queue)
        while let key = queue.popLast() {
            guard let bytes = try? reader.read(key) else { return false }
            for child in (try? ObjectChildren.of(key.kind, bytes)) ?? [] where seen.insert(child).inserted {
                queue.append(child)
            }
        }
        return true
    }

    /// Makes a snapshot of a record found in a pack, unless the backup knows it already.
    private func restore(_ record: RecordObject, _ store: Store, _ result: inout RebuildResult) throws {
        let org = try store.ensureOrg(record.org)
        guard try store.catalogue.read({ try $0.record(record.id) }) == nil else { return }
        guard record.labels.count <= SnapshotDraft.labelsMax else { return result.lost.append(record.displayName) }
        let encoded = try record.encode()
        let object = try SHA256().digest(encoded)
        let kind = try? store.manifestKind(record.manifest, scope: org.scope)
        let commit = CommitDraft(
            name: record.name, tag: record.tag, ifMatch: nil, force: true, manifest: record.manifest.description,
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
