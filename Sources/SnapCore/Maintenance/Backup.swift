internal import SnapCatalogue
internal import SnapIO
internal import SnapModel

/// A copy of the catalogue, named by its time so that the newest sorts last.
struct CatalogueBackup: Hashable, Sendable {
    let path: String
    let takenMilliseconds: Int64

    private static let prefix = "catalogue-"
    private static let suffix = ".sqlite"
    /// Follows the name of a backup that is being written.
    static let unfinished = ".new"

    init(directory: String, takenMilliseconds: Int64) {
        path = "\(directory)/\(Self.prefix)\(takenMilliseconds)\(Self.suffix)"
        self.takenMilliseconds = takenMilliseconds
    }

    /// The backup with this name; nil for any other file.
    init?(name: String, directory: String) {
        guard name.hasPrefix(Self.prefix), name.hasSuffix(Self.suffix),
            let taken = Int64(name.dropFirst(Self.prefix.count).dropLast(Self.suffix.count)), taken >= 0
        else { return nil }
        self.init(directory: directory, takenMilliseconds: taken)
    }

    /// The backup whose unfinished file, or SQLite's own journal of that, has this name: `….sqlite.<id>.new`, and of
    /// before `….sqlite.new`.
    init?(unfinished name: String, directory: String) {
        guard let end = [Self.unfinished, Self.unfinished + "-journal"].first(where: { name.hasSuffix($0) }) else {
            return nil
        }
        let stem = name.dropLast(end.count)
        let last = stem.lastIndex(of: ".") ?? stem.startIndex
        self.init(name: String(stem.hasSuffix(Self.suffix) ? stem : stem[..<last]), directory: directory)
    }

    /// The backups in a directory, oldest first.
    static func all(in directory: String) throws -> [CatalogueBackup] {
        try Kernel.names(inDirectory: directory).compactMap { bytes in
            CatalogueBackup(name: String(decoding: bytes, as: UTF8.self), directory: directory)
        }.sorted { $0.takenMilliseconds < $1.takenMilliseconds }
    }
}

extension Store {
    /// Backups that are kept.
    static let backupsMax = 7
    private static let backupAgeMilliseconds: Int64 = 24 * 3600 * 1000

    /// Takes a backup of the catalogue when the last is older than a day, and removes the oldest beyond seven.
    func backUpCatalogueIfOld() throws {
        let now = clock.milliseconds()
        if let last = try CatalogueBackup.all(in: layout.backups).last,
            (0..<Self.backupAgeMilliseconds).contains(now - last.takenMilliseconds)
        {
            return
        }
        try backUpCatalogue()
    }

    /// Takes a backup of the catalogue now. Durable when this returns.
    func backUpCatalogue() throws {
        let now = clock.milliseconds()
        try removeUnfinishedBackups(now: now)
        let backup = CatalogueBackup(directory: layout.backups, takenMilliseconds: now)
        // Another process may take one in the same millisecond.
        let temporary = "\(backup.path).\(RecordID())\(CatalogueBackup.unfinished)"
        do {
            try catalogue.copy(to: temporary)
            try disk.sync(DurableFile(path: temporary, descriptor: Kernel.open(temporary, .readWrite)))
            try disk.rename(temporary, to: backup.path)
            try disk.syncDirectory(layout.backups)
        } catch {
            // Most often there was no room for it: then it must not take what there was.
            try? disk.unlink(temporary)
            throw error
        }
        for old in try CatalogueBackup.all(in: layout.backups).dropLast(Self.backupsMax) {
            try disk.unlink(old.path)
        }
    }

    /// Removes what a process that died left of a backup. One that is an hour old is nobody's.
    private func removeUnfinishedBackups(now: Int64) throws {
        for bytes in try Kernel.names(inDirectory: layout.backups) {
            let name = String(decoding: bytes, as: UTF8.self)
            guard let backup = CatalogueBackup(unfinished: name, directory: layout.backups),
                backup.takenMilliseconds < now - 3_600_000
            else { continue }
            try disk.unlink(layout.backups + "/" + name)
        }
    }
}
