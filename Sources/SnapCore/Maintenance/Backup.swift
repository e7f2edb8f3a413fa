internal import SnapCatalogue
internal import SnapIO
internal import SnapModel

/// A copy of the catalogue, named by its time so that the newest sorts last.
struct CatalogueBackup: Hashable, Sendable {
    let path: String
    let takenMilliseconds: Int64

    private static let prefix = "catalogue-"
    private static let suffix = ".sqlite"

    init(directory: String, takenMilliseconds: Int64) {
        path = "\(directory)/\(Self.prefix)\(takenMilliseconds)\(Self.suffix)"
        self.takenMilliseconds = takenMilliseconds
    }

    /// The backups in a directory, oldest first.
    static func all(in directory: String) throws -> [CatalogueBackup] {
        try Kernel.names(inDirectory: directory).compactMap { bytes in
            let name = String(decoding: bytes, as: UTF8.self)
            guard name.hasPrefix(prefix), name.hasSuffix(suffix),
                let taken = Int64(name.dropFirst(prefix.count).dropLast(suffix.count))
            else { return nil }
            return CatalogueBackup(directory: directory, takenMilliseconds: taken)
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
        let backup = CatalogueBackup(directory: layout.backups, takenMilliseconds: clock.milliseconds())
        let temporary = backup.path + ".new"
        try disk.unlink(temporary)
        try catalogue.copy(to: temporary)
        try disk.sync(DurableFile(path: temporary, descriptor: Kernel.open(temporary, .readWrite)))
        try disk.rename(temporary, to: backup.path)
        try disk.syncDirectory(layout.backups)
        for old in try CatalogueBackup.all(in: layout.backups).dropLast(Self.backupsMax) {
            try disk.unlink(old.path)
        }
    }
}
