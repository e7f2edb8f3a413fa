internal import SnapCatalogue
internal import SnapIO

/// Room that is kept back for the commands that make room: a file with nothing in it, which they give up when the disk
/// is full.
///
/// It is nobody's data, so it passes no gate of the ``Disk``: after a power cut it is there, or it is not.
struct Reserve: Sendable {
    let path: String
    private var unfinished: String { path + ".new" }

    /// A thousandth of the file system and at least 64 MiB; 4 MiB where that is a lot.
    static func size(ofFileSystem totalBytes: UInt64) -> UInt64 {
        totalBytes < 1 << 30 ? 4 << 20 : max(64 << 20, totalBytes / 1000)
    }

    /// Makes the file if it is missing and the disk has twice the room. A store works without it, too.
    func make() {
        guard !Kernel.exists(path), let directory = path.lastIndex(of: "/"),
            let room = try? Kernel.room(of: String(path[..<directory]))
        else { return }
        let size = Self.size(ofFileSystem: room.totalBytes)
        guard room.availableBytes / 2 >= size else { return }
        do {
            let file = try Kernel.open(unfinished, [.writeOnly, .create], mode: 0o600)
            try Kernel.allocate(file, size: size)
            try Kernel.replaceFile(path, by: unfinished)
        } catch {
            try? Kernel.removeFile(unfinished)
        }
    }

    /// Gives its room back to the file system. Says whether there was any.
    func giveUp() -> Bool {
        try? Kernel.removeFile(unfinished)
        do {
            try Kernel.removeFile(path)
            return true
        } catch {
            return false
        }
    }
}

extension Store {
    var reserve: Reserve { Reserve(path: layout.reserve) }

    /// Runs what makes room, or leads to it, once more without the reserve when there was no room for it.
    func withReserve<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch  where StoreError(mapping: error).code == .outOfSpace && (reserve.giveUp() || giveUpSpare()) {
            // Others may take the room at any moment: what the catalogue needs of it is taken now.
            defer { try? catalogue.checkpoint() }
            return try body()
        }
    }

    /// What a store can do without when there is no reserve: what the last walks saw, and backups of the catalogue but
    /// for the newest. Says whether there was any.
    private func giveUpSpare() -> Bool {
        var isGone = false
        for name in (try? Kernel.names(inDirectory: layout.statCache)).map(Array.init) ?? [] {
            let path = layout.statCache + "/" + String(decoding: name, as: UTF8.self)
            if (try? Kernel.removeFile(path)) != nil { isGone = true }
        }
        for old in ((try? CatalogueBackup.all(in: layout.backups)) ?? []).dropLast() {
            if (try? disk.unlink(old.path)) != nil { isGone = true }
        }
        return isGone
    }
}
