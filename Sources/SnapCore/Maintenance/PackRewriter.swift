internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapModel
internal import SnapPacks

/// Copies the live objects of packs into new ones, each checked against its digest on the way.
///
/// The new packs belong to a session of the rewriter until the switch: a process that dies leaves them to be removed,
/// and the old packs as they were.
struct PackRewriter {
    private let store: Store
    private let scope: ScopeRow
    private let step: MaintenanceStep

    init(store: Store, scope: ScopeRow, step: @escaping MaintenanceStep) {
        self.store = store
        self.scope = scope
        self.step = step
    }

    /// Copies the live objects of `packs` into new ones, pack after pack. Returns the bytes written.
    ///
    /// - Throws: ``StoreError/Code/outOfSpace`` when there is no room for the copies, which are gone then.
    func rewrite(_ packs: [PackRow]) throws -> Int64 {
        let uid = RecordID().description
        let lock = try SessionLock.create(path: store.layout.sessionFile(uid))
        defer { lock.release() }
        let session = try store.catalogue.write("session") { tx in
            try tx.insertSession(
                uid: uid, kind: SessionKind.gc.rawValue, scope: scope.id,
                startedMilliseconds: store.clock.milliseconds())
        }
        let uploads = SessionUploads()
        let sealer = PackSealer(
            catalogue: store.catalogue, session: session.id, scope: scope.id, uploads: uploads)
        do {
            let moved = try copy(packs, sealer)
            while try store.catalogue.write("publish", { try $0.publishPacks(session: session.id, limit: 200) }) == 200
            {}
            for (pack, places) in moved { try switchOver(places, from: pack, session: session, uploads: uploads) }
        } catch {
            try? store.forget(session: session)
            throw error
        }
        try store.forget(session: session)
        return sealer.storedBytes
    }

    /// Writes copies of what is in use of some packs. Returns what was copied of each.
    private func copy(_ packs: [PackRow], _ sealer: PackSealer) throws -> [(pack: PackRow, places: [ObjectPlace])] {
        let writer = try PackWriter(
            backend: store.backend, scope: scope.name, threads: 2,
            allocate: { try sealer.announce() }, sealed: { try sealer.sealed($0) })
        do {
            let moved = try packs.map { pack in
                var moved: [ObjectPlace] = []
                for place in try live(pack) {
                    try step(1, UInt64(clamping: place.length))
                    guard let bytes = try readIfSound(place) else { continue }
                    try bytes.withUnsafeBytes { try writer.append(place.key, $0) }
                    moved.append(place)
                }
                return (pack, moved)
            }
            try writer.finish()
            return moved
        } catch {
            writer.abandon()
            throw error
        }
    }

    /// What is in a pack; nil when it is gone, because another collection was faster, or damaged, which `fsck` names:
    /// the others are collected all the same.
    static func readIndex(_ id: PackID, scope: String, _ backend: any PackBackend) throws -> PackIndex? {
        do {
            return try PackIndex.read(backend: backend, scope: scope, id: id)
        } catch {
            guard StoreError.isUnreadable(error) || (error as? PackError)?.code == .missing else { throw error }
            return nil
        }
    }

    /// The objects of a pack that are in use, in its order. Where its footer cannot be read, as the catalogue knows
    /// them; where the pack is gone, because another collection was faster or it is lost, none.
    private func live(_ pack: PackRow) throws -> [ObjectPlace] {
        guard let id = PackID(bytes: pack.uid) else { return [] }
        let index: PackIndex
        do {
            index = try PackIndex.read(backend: store.backend, scope: scope.name, id: id)
        } catch let error as PackError where error.code == .missing {
            return []
        } catch  where StoreError.isUnreadable(error) {
            return try store.catalogue.read { try $0.places(pack: pack.id, scope: scope.id) }
        }
        let frames = try store.catalogue.read { try $0.frames(pack: pack.id) }.map(\.id)
        return try store.placesInUse(index, frames: frames, scope: scope.id)
    }

    /// A damaged object stays where it is, marked: rewriting must not make it look sound, nor stop for it.
    private func readIfSound(_ place: ObjectPlace) throws -> [UInt8]? {
        do {
            return try store.frames.read(place)
        } catch {
            guard StoreError.isUnreadable(error) else { throw error }
            // Unless another collection has moved it meanwhile.
            try store.catalogue.write("mark-bad") {
                try $0.markBad(place.key, scope: scope.id, frame: place.frame, true)
            }
            return nil
        }
    }

    /// Points the rows that still name the old pack at the new one.
    private func switchOver(
        _ moved: [ObjectPlace], from pack: PackRow, session: SessionRow, uploads: SessionUploads
    ) throws {
        for batch in moved.batches(of: 300) {
            try store.catalogue.write("switch") { tx in
                var changes = PackChanges()
                for old in batch {
                    guard let new = try uploads.place(old.key) ?? tx.reading.upload(old.key, session: session.id),
                        let row = try tx.reading.object(old.key, scope: scope.id), row.frame == old.frame,
                        let target = try tx.reading.frame(new.frame)?.pack
                    else { continue }
                    try tx.moveObject(old.key, scope: scope.id, frame: new.frame, position: new.position)
                    changes.add(pack: pack.id, objects: -1, bytes: -old.length)
                    changes.add(pack: target, objects: 1, bytes: old.length)
                }
                try changes.write(tx)
            }
        }
    }
}
