internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel
internal import SnapPacks

// Packs that a backup of the catalogue names and that are gone, and packs that it does not know.

extension Rebuild {
    /// Packs of the backup that were collected since it was taken.
    func missingPacks(_ store: Store) throws -> [PackRow] {
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
    func adoptPacks(
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
                        if let frame = row.frame {
                            guard let old = try tx.reading.frame(frame)?.pack, missing.contains(old) else { continue }
                            try tx.addLive(pack: old, objects: -1, bytes: -place.length)
                        } else {
                            // Borrowed when the backup was taken, and put since, when it no longer was public.
                            try tx.addBorrows(place.key, -1)
                        }
                        try tx.moveObject(place.key, scope: scope, frame: place.frame, position: place.position)
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
    func forget(_ missing: [PackRow], _ store: Store, _ result: inout RebuildResult) throws {
        guard !missing.isEmpty else { return }
        var check = WholeSnapshots(store: store, missing: Set(missing.map(\.id)))
        for org in try store.catalogue.read({ try $0.orgs() }) {
            for row in try store.catalogue.read({ try $0.records(org: org.id) }) {
                // Unpublished since, and collected: its organisation has bytes of its own.
                if row.isPublic, let id = RecordID(bytes: row.uid),
                    try !check.isWhole([ObjectKey(.manifest, row.manifest)], .public)
                {
                    try store.unpublish(id, org: org.name)
                }
                // Its record is nobody else's: without it the snapshot was deleted, though others have the same content.
                let roots = [ObjectKey(.manifest, row.manifest), ObjectKey(.record, row.object)]
                guard try !check.isWhole(roots, org.scope) else { continue }
                guard let record = try store.snapshot(row.uid) else { continue }
                result.lost.append("\(org.name)/\(record.displayName)")
                try store.deleteSnapshot(id: record.id, org: org.name)
            }
            try store.settle(org: org.name)
            try recount(org.scope, store)
        }
        try recount(.public, store)
        for scope in Set(missing.map(\.scope)) {
            try forgetObjects(in: missing.filter { $0.scope == scope }, scope, store)
        }
        for pack in missing {
            try store.catalogue.write("drop") { try $0.setPack(pack.id, state: .dropped) }
            try store.removeDropped(pack)
        }
    }

    /// Counts anew, and corrects the ledger by what that changes.
    private func recount(_ scope: ScopeID, _ store: Store) throws {
        guard let scope = try store.catalogue.read({ try $0.scope(scope) }) else { return }
        try ReferenceRecount(store: store, scope: scope, objectsAtOnce: FsckOptions().objectsAtOnce)
            .repair(.letGo, cause: "rebuild")
    }

    /// Deletes the rows of objects in packs that are gone; one that is still counted stays, marked as damaged.
    private func forgetObjects(in packs: [PackRow], _ scope: ScopeID, _ store: Store) throws {
        let frames = Set(
            try packs.flatMap { pack in try store.catalogue.read { try $0.frames(pack: pack.id) }.map(\.id) })
        let isGone: (ObjectRow) -> Bool = { $0.frame.map(frames.contains) ?? false }
        if scope == .public {
            // Nobody holds what was borrowed of it: those snapshots are dropped.
            for org in try store.catalogue.read({ try $0.orgs() }) {
                try forget(in: org.scope, store) { row, tx in
                    guard row.frame == nil, row.refs == 0 else { return false }
                    return try tx.object(row.key, scope: .public).map(isGone) ?? true
                }
            }
        }
        try forget(in: scope, store) { row, _ in isGone(row) }
    }

    /// Deletes the rows of a scope for which `isGone` says so.
    private func forget(in scope: ScopeID, _ store: Store, where isGone: (ObjectRow, ReadAccess) throws -> Bool) throws
    {
        let now = store.clock.milliseconds()
        var last: ObjectKey?
        while true {
            let (gone, end) = try store.catalogue.read { tx in
                let rows = try tx.objects(scope: scope, after: last, limit: 300)
                return (try rows.filter { try isGone($0, tx) }, rows.last)
            }
            guard let end else { break }
            last = end.key
            guard !gone.isEmpty else { continue }
            try store.catalogue.write("forget-objects") { tx in
                let sequence = try tx.nextSequence()
                for row in gone {
                    if row.refs > 0, let frame = row.frame {
                        try tx.markBad(row.key, scope: scope, frame: frame, true)
                    } else {
                        try tx.letGo(row.key, scope: scope, sequence: sequence, milliseconds: now)
                        if try tx.deleteCondemned(row.key, scope: scope), row.frame == nil {
                            try tx.addBorrows(row.key, -1)
                        }
                    }
                }
            }
        }
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

    mutating func isWhole(_ roots: [ObjectKey], _ scope: ScopeID) throws -> Bool {
        let reader = ObjectReader(catalogue: store.catalogue, frames: store.frames, scope: scope)
        let known = whole[scope] ?? []
        var queue = roots
        var seen = Set(queue)
        while let key = queue.popLast() {
            guard try isThere(key, scope) else { return false }
            guard key.kind.hasChildren else { continue }
            guard let bytes = try? reader.read(key), let children = try? ObjectChildren.of(key.kind, bytes) else {
                return false
            }
            for child in children where !known.contains(child) && seen.insert(child).inserted { queue.append(child) }
        }
        whole[scope, default: []].formUnion(seen)
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
