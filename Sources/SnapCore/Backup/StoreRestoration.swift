internal import SnapCatalogue
internal import SnapDigest
package import SnapIO
internal import SnapModel
internal import SnapPacks

/// What making a store from a backup is asked to do.
package struct RestorationOptions: Sendable {
    /// Give the store an identity of its own, for one that is used beside the one it is a copy of.
    package var newIdentity = false
    /// Called between the steps of the job; what it throws ends it.
    package var step: MaintenanceStep = { _, _ in }
    /// Told the bytes to copy in all, once they are known.
    package var onTotal: @Sendable (_ bytes: UInt64) -> Void = { _ in }

    package init() {}
}

/// What was made of a backup. Sizes are bytes.
package struct RestorationResult: Sendable, Hashable {
    package var takenMilliseconds: Int64 = 0
    package var storeID = ""
    package var packs: Int64 = 0
    package var packBytes: Int64 = 0
    /// Packs that the backup has not as they were; sentences.
    package var damage: [String] = []
}

extension Store {
    /// Makes a store at `path` from the backup at `backup`. Nothing may be at `path`, or what a restoration that was cut
    /// short has left: then it goes on.
    ///
    /// Durable when this returns; until then there is no store at `path`.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed`` when something is at `path`, ``StoreError/Code/notFound`` when
    ///   `backup` holds no backup, ``StoreError/Code/corrupt`` when its catalogue is damaged.
    package static func restore(
        backup: String, to path: String, _ options: RestorationOptions = RestorationOptions(), disk: Disk = Disk()
    ) throws(StoreError) -> RestorationResult {
        try StoreError.mapped {
            let job = StoreRestoration(
                backup: BackupDirectory(root: backup), layout: StoreLayout(root: path), options: options, disk: disk)
            return try job.run()
        }
    }
}

struct StoreRestoration {
    let backup: BackupDirectory
    let layout: StoreLayout
    let options: RestorationOptions
    let disk: Disk

    func run() throws -> RestorationResult {
        let backupLock = try lockBackup()
        defer { try? backupLock.close() }
        guard let note = try BackupNote.read(backup) else { throw noBackup("none was finished there") }
        let catalogue = backup.catalogue(takenMilliseconds: note.takenMilliseconds)
        guard Kernel.exists(catalogue), try BackupNote.digest(ofFile: catalogue) == note.catalogue else {
            throw StoreError(
                .corrupt, "The catalogue in the backup \(backup.root) is damaged.", hint: "Use another backup.")
        }
        let packs = try Catalogue.read(copy: catalogue) { try NamedPack.all(in: $0) }
        let lock = try makeRoom()
        defer { try? lock.close() }
        var result = RestorationResult()
        result.takenMilliseconds = note.takenMilliseconds
        try copy(packs, &result)
        try placeCatalogue(catalogue)
        let format = options.newIdentity ? StoreFormat() : StoreFormat(storeID: note.storeID)
        result.storeID = format.storeID
        try disk.replaceFile(layout.format, with: format.bytes)
        try disk.unlink(layout.unfinishedRestoration)
        try disk.syncDirectory(layout.root)
        Reserve(path: layout.reserve).make()
        return result
    }

    private func noBackup(_ why: String) -> StoreError {
        StoreError(
            .notFound, "There is no backup at \(backup.root): \(why).",
            hint: "Make one with `snapstore store backup DIR`.")
    }

    /// So that no backup changes it meanwhile.
    private func lockBackup() throws -> Descriptor {
        guard Kernel.exists(backup.root) else { throw noBackup("there is no such directory") }
        guard Kernel.isDirectory(backup.root) else { throw noBackup("it is no directory") }
        let root = try Kernel.open(backup.root, [.readOnly, .directory])
        guard try Kernel.tryLock(root) else {
            throw StoreError(.busy, "Another process uses the backup at \(backup.root).", hint: "Try again later.")
        }
        return root
    }

    /// Makes the directories, and the mark that says that this is no store yet. The lock goes with the descriptor.
    private func makeRoom() throws -> Descriptor {
        try disk.makeMissingParents(of: layout.root)
        try disk.makeDirectory(layout.root, mode: 0o700)
        guard Kernel.isDirectory(layout.root) else {
            throw StoreError(.invalid, "\(layout.root) is no directory, so no store can be made there.")
        }
        let root = try Kernel.open(layout.root, [.readOnly, .directory])
        guard try Kernel.tryLock(root) else {
            throw StoreError(.busy, "Another process makes a store at \(layout.root).", hint: "Try again later.")
        }
        guard !Kernel.exists(layout.format) else {
            throw StoreError(
                .preconditionFailed, "There is a store at \(layout.root) already.",
                hint: "Give another path with --store, or move that store away.")
        }
        let mark = Array(StoreLayout.unfinishedRestorationName.utf8)
        let names = try Kernel.names(inDirectory: layout.root).filter { name in
            name != Array("lost+found".utf8) && !name.starts(with: mark)
        }
        if let name = names.first, !Kernel.exists(layout.unfinishedRestoration) {
            throw StoreError(
                .preconditionFailed, "\(layout.root) is not empty: it holds \(escaped(name)).",
                hint: "Give the path of an empty directory, or of one that does not exist, with --store.")
        }
        try disk.replaceFile(layout.unfinishedRestoration, with: [])
        for directory in layout.directories {
            try disk.makeDirectory(directory, mode: 0o700)
            try disk.syncParent(of: directory)
        }
        return root
    }

    private func copy(_ packs: [NamedPack], _ result: inout RestorationResult) throws {
        let source = try LocalPackBackend(root: backup.packs, disk: disk)
        let target = try LocalPackBackend(root: layout.packs, disk: disk)
        let copy = try PackCopy(from: source, to: target, step: options.step)
        options.onTotal(packs.reduce(0) { $0.addingReportingOverflow($1.storedBytes).partialValue })
        for pack in packs {
            switch try copy.run(pack) {
            case .kept, .copied: break
            case .damaged(let message): result.damage.append(message)
            case .unreadable(let message):
                result.damage.append(message)
                continue
            case .missing:
                if !pack.isPending { result.damage.append("\(pack) is missing.") }
                continue
            }
            result.packs += 1
            result.packBytes += Int64(clamping: pack.storedBytes)
        }
        // The backup may have been brought up to date since a restoration that was cut short.
        _ = try target.removeOthers(than: packs)
    }

    private func placeCatalogue(_ path: String) throws {
        for end in ["", "-wal", "-shm", ".new"] where Kernel.exists(layout.catalogue + end) {
            try disk.unlink(layout.catalogue + end)
        }
        try disk.copyFile(path, to: layout.catalogue)
    }
}
