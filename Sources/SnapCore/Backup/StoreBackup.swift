internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapModel
internal import SnapPacks

/// What a backup is asked to do.
package struct BackupOptions: Sendable {
    /// Read what the backup has already, and copy again what is damaged there.
    package var verify = false
    /// Called between the steps of the job; what it throws ends it.
    package var step: MaintenanceStep = { _, _ in }
    /// Told the bytes to copy in all, once they are known.
    package var onTotal: @Sendable (_ bytes: UInt64) -> Void = { _ in }

    package init() {}
}

/// What a backup holds, and what was done for it. Sizes are bytes.
package struct BackupResult: Sendable, Hashable {
    package var takenMilliseconds: Int64 = 0
    package var snapshots: Int64 = 0
    /// Packs of the backup, and what was copied and removed of them this time.
    package var packs: Int64 = 0
    package var packBytes: Int64 = 0
    package var copiedPacks: Int64 = 0
    package var copiedBytes: Int64 = 0
    package var removedPacks: Int64 = 0
    /// What is not whole in the store, and so is not in the backup; sentences.
    package var damage: [String] = []
}

extension Store {
    /// Whether a backup is under way: until it has ended, no pack is removed.
    func isBeingBackedUp(_ tx: ReadAccess) throws -> Bool { try tx.hasSession(kind: SessionKind.backup.rawValue) }

    func isBeingBackedUp() throws -> Bool { try catalogue.read { try isBeingBackedUp($0) } }

    /// Makes a copy of the store at one moment, beside everything else that goes on, or brings one up to date: packs
    /// that it has already are not copied again, those that it no longer needs are removed at the end.
    ///
    /// Durable when this returns. Cut short anywhere, it leaves the backup that was there before, or a directory that is
    /// not one yet; repeated, it goes on.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed`` when `path` holds something else, or a backup of another store,
    ///   ``StoreError/Code/busy`` while another process writes there.
    package func backUp(to path: String, _ options: BackupOptions = BackupOptions()) throws(StoreError) -> BackupResult
    {
        try StoreError.mapped {
            let job = StoreBackup(store: self, directory: BackupDirectory(root: path), options: options)
            return try job.run()
        }
    }
}

/// Copies the catalogue first and then the packs that it names.
///
/// The packs of that moment stay where they are until the end, because a session of kind `backup` is open, in whose time
/// `Store.drop(_:)` removes none. What is committed, deleted or rewritten meanwhile is not in the copy.
struct StoreBackup {
    let store: Store
    let directory: BackupDirectory
    let options: BackupOptions

    private var disk: Disk { store.disk }

    func run() throws -> BackupResult {
        try refuseInsideStore()
        let lock = try openDirectory()
        defer { try? lock.close() }
        let last = try BackupNote.read(directory)
        if let last, last.storeID != store.storeID {
            throw StoreError(
                .preconditionFailed, "\(directory.root) holds the backup of another store.",
                hint: "Give the path of an empty directory, or of one that does not exist.")
        }
        let session = try beginSession()
        defer { end(session) }
        try directory.removeCatalogues(
            but: last.map { directory.catalogue(takenMilliseconds: $0.takenMilliseconds) }, disk)
        let taken = max(store.clock.milliseconds(), (last?.takenMilliseconds ?? -1) + 1)
        let catalogue = directory.catalogue(takenMilliseconds: taken)
        let digest = try copyCatalogue(to: catalogue)
        var result = BackupResult()
        result.takenMilliseconds = taken
        let packs = try Catalogue.read(copy: catalogue) { tx in
            for org in try tx.orgs() { result.snapshots += Int64(try tx.records(org: org.id).count) }
            return try NamedPack.all(in: tx)
        }
        let target = try LocalPackBackend(root: directory.packs, disk: disk)
        try copy(packs, to: target, &result)
        let note = BackupNote(storeID: store.storeID, takenMilliseconds: taken, catalogue: digest)
        try disk.replaceFile(directory.backup, with: note.bytes)
        // Only now nothing needs what the backup before had.
        try directory.removeCatalogues(but: catalogue, disk)
        result.removedPacks = try target.removeOthers(than: packs)
        return result
    }

    // MARK: The directory

    /// A backup in the store would be lost with it.
    private func refuseInsideStore() throws {
        let store = try Kernel.status(path: store.layout.root)
        var place = directory.root
        while !Kernel.exists(place), let slash = place.lastIndex(of: "/") {
            place = slash == place.startIndex ? "/" : String(place[..<slash])
        }
        if !Kernel.exists(place) { place = "." }
        var last: FileStatus?
        while true {
            let here = try Kernel.status(path: place)
            if here.inode == store.inode, here.device == store.device {
                throw StoreError(
                    .invalid, "\(directory.root) lies in the store itself.", hint: "Give a path outside of it.")
            }
            guard here.type == .directory, here.inode != last?.inode || here.device != last?.device else { return }
            last = here
            place += "/.."
        }
    }

    /// Makes the directory if need be. The lock goes with the descriptor.
    private func openDirectory() throws -> Descriptor {
        try disk.makeMissingParents(of: directory.root)
        if !Kernel.exists(directory.root) {
            try disk.makeDirectory(directory.root, mode: 0o700)
            try disk.syncParent(of: directory.root)
        }
        guard Kernel.isDirectory(directory.root) else {
            throw StoreError(.invalid, "\(directory.root) is no directory, so no backup can be made there.")
        }
        let root = try Kernel.open(directory.root, [.readOnly, .directory])
        guard try Kernel.tryLock(root) else {
            throw StoreError(.busy, "Another process makes a backup at \(directory.root).", hint: "Try again later.")
        }
        try directory.checkHoldsNothingElse()
        // Its name becomes durable with that of the catalogue's copy.
        try disk.makeDirectory(directory.packs, mode: 0o700)
        return root
    }

    // MARK: The session

    /// Nil for a store that nothing can be written to: nobody can remove packs there either.
    private func beginSession() throws -> (lock: SessionLock, row: SessionRow)? {
        guard !store.catalogue.isReadOnly else { return nil }
        return try store.noteSession(.backup, scope: .public)
    }

    private func end(_ session: (lock: SessionLock, row: SessionRow)?) {
        guard let session else { return }
        // A failure here leaves what a crash would leave: the next opening cleans it up.
        try? store.forget(session: session.row)
        session.lock.release()
    }

    // MARK: Copies

    /// Writes the copy, durable but for its name's weight: nothing points at it yet.
    private func copyCatalogue(to path: String) throws -> Digest {
        let file = try disk.createFile(path)
        // SQLite writes into a file that is empty, whose mode is ours.
        try store.catalogue.copy(to: path)
        try disk.sync(file)
        try disk.syncDirectory(directory.root)
        return try BackupNote.digest(ofFile: path)
    }

    private func copy(_ packs: [NamedPack], to target: LocalPackBackend, _ result: inout BackupResult) throws {
        let copy = try PackCopy(from: store.backend, to: target, rereads: options.verify, step: options.step)
        let present = Set(try target.scopes().flatMap { try target.list(scope: $0) })
        let wanted = options.verify ? packs : packs.filter { !present.contains($0.id) }
        options.onTotal(wanted.reduce(0) { $0.addingReportingOverflow($1.storedBytes).partialValue })
        for pack in packs {
            result.packs += 1
            result.packBytes += Int64(clamping: pack.storedBytes)
            switch try copy.run(pack) {
            case .kept: continue
            case .copied: break
            case .damaged(let message): result.damage.append(message)
            case .unreadable(let message):
                result.damage.append(message)
                continue
            case .missing:
                // A commit that was refused meanwhile takes its packs along; the copy refuses it, too.
                if !pack.isPending { result.damage.append("\(pack) is missing.") }
                continue
            }
            result.copiedPacks += 1
            result.copiedBytes += Int64(clamping: pack.storedBytes)
        }
    }
}

extension BackupNote {
    static func digest(ofFile path: String) throws -> Digest {
        let file = try Kernel.open(path, .readOnly)
        let hasher = try SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        hasher.reset()
        var offset: UInt64 = 0
        while true {
            let count = try Kernel.read(file, into: buffer, at: offset)
            if count == 0 { return hasher.finish() }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += UInt64(count)
        }
    }
}
