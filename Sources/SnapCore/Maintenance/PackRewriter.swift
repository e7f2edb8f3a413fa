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
        try rewrite { sealer in try copy(packs, sealer).map { (pack: $0.id, places: $1) } }
    }

    /// Copies objects into new packs, in the order given. Those that are not where they were any more stay where they are.
    /// Returns the bytes written.
    ///
    /// - Parameter packOf: The pack of each frame that the objects are in.
    /// - Throws: ``StoreError/Code/outOfSpace`` when there is no room for the copies, which are gone then.
    func move(_ places: [ObjectPlace], packOf: [Int64: Int64]) throws -> Int64 {
        let present = try places.batches(of: 5000).flatMap { batch in
            try store.catalogue.read { tx in
                try batch.filter { try tx.object($0.key, scope: scope.id)?.frame == $0.frame }
            }
        }
        guard !present.isEmpty else { return 0 }
        return try rewrite { sealer in
            let moved = try write(sealer) { writer in try present.filter { try copy($0, to: writer) } }
            return Dictionary(grouping: moved) { packOf[$0.frame] ?? 0 }.sorted { $0.key < $1.key }.map {
                (pack: $0.key, places: $0.value)
            }
        }
    }

    /// - Parameter copy: Writes copies in a session of their own, and returns what was copied of each old pack.
    private func rewrite(_ copy: (PackSealer) throws -> [(pack: Int64, places: [ObjectPlace])]) throws -> Int64 {
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
            let moved = try copy(sealer)
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
        try write(sealer) { writer in
            try packs.map { pack in (pack, try live(pack).filter { try copy($0, to: writer) }) }
        }
    }

    private func write<Result>(_ sealer: PackSealer, _ body: (PackWriter) throws -> Result) throws -> Result {
        let writer = try PackWriter(
            backend: store.backend, scope: scope.name, threads: 2,
            allocate: { try sealer.announce() }, sealed: { try sealer.sealed($0) })
        do {
            let result = try body(writer)
            try writer.finish()
            return result
        } catch {
            writer.abandon()
            throw error
        }
    }

    /// Says whether there was something sound to copy.
    private func copy(_ place: ObjectPlace, to writer: PackWriter) throws -> Bool {
        try step(1, UInt64(clamping: place.length))
        guard let bytes = try readIfSound(place) else { return false }
        try bytes.withUnsafeBytes { try writer.append(place.key, $0) }
        return true
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
        _ moved: [ObjectPlace], from pack: Int64, session: SessionRow, uploads: SessionUploads
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
                    changes.add(pack: pack, objects: -1, bytes: -old.length)
                    changes.add(pack: target, objects: 1, bytes: old.length)
                }
                try changes.write(tx)
            }
        }
    }
}
