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

    init(store: Store, scope: ScopeRow, step: @escaping MaintenanceStep) throws {
        self.store = store
        self.scope = scope
        self.step = step
    }

    /// Rewrites `packs`, oldest first. Returns the bytes written.
    ///
    /// - Parameter isMoved: Called after each pack, which can be dropped then: no more than one pack's worth of copies
    ///   is ever in the way.
    func rewrite(_ packs: [PackRow], isMoved: (PackRow) throws -> Void) throws -> Int64 {
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
            for pack in packs.sorted(by: { $0.id < $1.id }) {
                let moved = try copy(pack, sealer)
                try switchOver(moved, from: pack, session: session, uploads: uploads)
                try isMoved(pack)
            }
        } catch {
            try? store.forget(session: session)
            throw error
        }
        try store.forget(session: session)
        return sealer.storedBytes
    }

    private func copy(_ pack: PackRow, _ sealer: PackSealer) throws -> [ObjectPlace] {
        guard let id = PackID(bytes: pack.uid), let index = try Self.readIndex(id, scope: scope.name, store.backend)
        else { return [] }
        let frames = try store.catalogue.read { try $0.frames(pack: pack.id) }.map(\.id)
        let live = try store.catalogue.read { tx in
            try PackRegistration.places(index, frames: frames).filter { place in
                try tx.object(place.key, scope: scope.id)?.frame == place.frame
            }
        }
        let writer = try PackWriter(
            backend: store.backend, scope: scope.name, compressionLevel: 3, threads: 2,
            allocate: { try sealer.announce() }, sealed: { try sealer.sealed($0) })
        do {
            var moved: [ObjectPlace] = []
            for place in live {
                try step(1, UInt64(clamping: place.length))
                guard let bytes = try readIfSound(place) else { continue }
                try bytes.withUnsafeBytes { try writer.append(place.key, $0) }
                moved.append(place)
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
        } catch let error as PackError where error.code == .missing || error.code == .corrupt {
            return nil
        }
    }

    /// A damaged object stays where it is, marked: rewriting must not make it look sound, nor stop for it.
    private func readIfSound(_ place: ObjectPlace) throws -> [UInt8]? {
        do {
            return try store.frames.read(place)
        } catch {
            guard StoreError(mapping: error).code == .corrupt else { throw error }
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
        while try store.catalogue.write("publish", { try $0.publishPacks(session: session.id, limit: 200) }) == 200 {}
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
