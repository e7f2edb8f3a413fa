internal import SnapDigest
internal import SnapIO
internal import SnapModel

/// A directory that holds a backup of a store: packs as a store has them, a copy of the catalogue, and last the file
/// `BACKUP`, which names the copy that counts. It is no store: nothing that writes to stores can touch it.
struct BackupDirectory: Hashable, Sendable {
    let root: String

    var backup: String { root + "/BACKUP" }
    var packs: String { root + "/packs" }

    private static let cataloguePrefix = "catalogue-"
    private static let catalogueSuffix = ".sqlite"

    func catalogue(takenMilliseconds: Int64) -> String {
        "\(root)/\(Self.cataloguePrefix)\(takenMilliseconds)\(Self.catalogueSuffix)"
    }

    private static func isCatalogue(_ name: String) -> Bool { name.hasPrefix(cataloguePrefix) }

    /// Whether a name in the directory is of a kind that a backup has, or the file system itself.
    private static func isOurs(_ name: String) -> Bool {
        ["BACKUP", "BACKUP.new", "packs", "lost+found"].contains(name) || isCatalogue(name)
    }

    private func names() throws -> [String] {
        try Kernel.names(inDirectory: root).map { String(decoding: $0, as: UTF8.self) }
    }

    /// - Throws: ``StoreError/Code/preconditionFailed`` for a directory with something else in it.
    func checkHoldsNothingElse() throws {
        guard let other = try names().sorted().first(where: { !Self.isOurs($0) }) else { return }
        throw StoreError(
            .preconditionFailed, "\(root) is no backup, and it is not empty: it holds \(escaped(Array(other.utf8))).",
            hint: "Give the path of a backup of this store, of an empty directory, or of one that does not exist.")
    }

    /// Removes every copy of the catalogue but one, with what SQLite keeps beside it.
    func removeCatalogues(but kept: String?, _ disk: Disk) throws {
        for name in try names() where Self.isCatalogue(name) && root + "/" + name != kept {
            try disk.unlink(root + "/" + name)
        }
    }
}

/// The text of the file `BACKUP`: of which store it is, and which copy of the catalogue counts.
struct BackupNote: Hashable, Sendable {
    private static let version = "snapstore-backup 1"

    let storeID: String
    let takenMilliseconds: Int64
    /// SHA-256 of the copy of the catalogue.
    let catalogue: Digest

    var bytes: [UInt8] {
        Array(
            """
            \(Self.version)
            store \(storeID)
            chunker \(StoreFormat.chunkerProfile)
            taken \(takenMilliseconds)
            catalogue \(catalogue)

            """.utf8)
    }

    init(storeID: String, takenMilliseconds: Int64, catalogue: Digest) {
        self.storeID = storeID
        self.takenMilliseconds = takenMilliseconds
        self.catalogue = catalogue
    }

    /// - Throws: ``StoreError/Code/invalid`` for another version or profile, ``StoreError/Code/corrupt`` for anything
    ///   that is not such a file.
    init(parsing bytes: [UInt8], path: String) throws(StoreError) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        if let first = lines.first, first.hasPrefix("snapstore-backup "), first != Self.version {
            throw StoreError(
                .invalid, "The backup has the format `\(first)`; this program reads `\(Self.version)`.",
                hint: "Use a newer snapstore.")
        }
        guard lines.count == 6, lines[0] == Self.version, lines[5].isEmpty, lines[1].hasPrefix("store "),
            Hex.decode(lines[1].dropFirst(6))?.count == 16, lines[3].hasPrefix("taken "),
            let taken = Int64(lines[3].dropFirst(6)), taken >= 0, lines[4].hasPrefix("catalogue "),
            let catalogue = Digest(String(lines[4].dropFirst(10)))
        else { throw StoreError(.corrupt, "\(path) is damaged.", hint: "Make the backup anew, or use another one.") }
        guard lines[2] == "chunker \(StoreFormat.chunkerProfile)" else {
            throw StoreError(
                .invalid, "The store was cut with the profile `\(lines[2])`, which this program does not know.",
                hint: "Use a newer snapstore.")
        }
        self.init(storeID: String(lines[1].dropFirst(6)), takenMilliseconds: taken, catalogue: catalogue)
    }

    /// What the directory holds; nil where no backup has been finished yet.
    static func read(_ directory: BackupDirectory) throws -> BackupNote? {
        guard Kernel.exists(directory.backup) else { return nil }
        return try BackupNote(
            parsing: try Kernel.readFile(directory.backup, limit: 4096), path: directory.backup)
    }
}
