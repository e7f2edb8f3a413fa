/// Where things are in a store's directory. `docs/format.md` section 12 and `docs/architecture.md` describe them.
package struct StoreLayout: Sendable, Hashable {
    package let root: String

    package init(root: String) {
        self.root = root
    }

    package var format: String { root + "/FORMAT" }
    package var packs: String { root + "/packs" }
    package var sessions: String { root + "/sessions" }
    package var cache: String { root + "/cache" }
    package var statCache: String { root + "/cache/stat" }
    package var backups: String { root + "/backup" }
    /// Room for the commands that make room.
    package var reserve: String { root + "/reserve" }
    package var catalogue: String { root + "/catalog.sqlite" }
    /// A catalogue that is being made anew, until it takes the place of the old one.
    static let rebuiltName = "catalog.rebuilt.sqlite"
    var rebuiltCatalogue: String { root + "/" + Self.rebuiltName }

    /// Says that the store is being made from a backup, and no other may be made here.
    static let unfinishedRestorationName = "catalog.restoring"
    package var unfinishedRestoration: String { root + "/" + Self.unfinishedRestorationName }

    /// The directories that a new store has, parents first.
    var directories: [String] { [root, packs, sessions, cache, statCache, backups] }

    /// Whether a name in the store's directory is of a kind that a store has, or the file system itself.
    func isOurs(_ name: [UInt8]) -> Bool {
        let name = String(decoding: name, as: UTF8.self)
        return ["FORMAT", "FORMAT.new", "packs", "sessions", "cache", "backup", "lost+found", "reserve", "reserve.new"]
            .contains(name)
            || name.hasPrefix("catalog.")
    }

    func sessionFile(_ uid: String) -> String { sessions + "/" + uid }
}
