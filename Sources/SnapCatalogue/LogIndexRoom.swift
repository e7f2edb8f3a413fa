internal import Glibc
internal import SnapIO

/// Room for the index of SQLite's log, on file systems whose blocks are smaller than its steps.
///
/// SQLite maps the index into memory and makes sure of the room for it at each 4 KiB. Where blocks are smaller and the
/// disk is full, its first touch of the rest would end the process with SIGBUS.
struct LogIndexRoom {
    private static let stepBytes: UInt64 = 4096

    /// The path of the catalogue.
    let path: String
    let directory: String

    /// Makes sure of the room, before the first connection of this process; called by whoever alone may write.
    ///
    /// - Throws: ``CatalogueError/Code/outOfSpace``.
    func ensure() throws {
        let room = try Kernel.room(of: directory)
        guard room.blockBytes < Self.stepBytes else { return }
        // 32 KiB for each 4,096 pages in the log.
        let pages = ((try? Kernel.fileSize(path + "-wal")) ?? 0) / Self.stepBytes
        let needed = (1 + pages / 4096) * 32_768
        guard room.availableBytes < 2 * needed, try emptyIndex() else { return }
        do throws(IOError) {
            try probe(needed)
        } catch {
            guard error.errno == ENOSPC || error.errno == EDQUOT else { throw error }
            throw CatalogueError(
                .outOfSpace, "There is no room on the disk for the index of \(path): free some, then try again.")
        }
    }

    /// Gives back what the index takes, as SQLite's first connection would. False where others have it open, so that it
    /// stays as it is.
    private func emptyIndex() throws -> Bool {
        guard Kernel.exists(path + "-shm") else { return true }
        let file = try Kernel.open(path + "-shm", [.readWrite])
        guard try Kernel.tryRecordLock(file) else {
            // It stays open: closing it would drop the locks that other connections of this process have on it (fcntl(2)).
            _ = Unmanaged.passRetained(file)
            return false
        }
        try Kernel.truncate(file, to: 0)
        return true
    }

    /// Takes so many bytes for a moment: how much is free says little, because file systems keep some to themselves.
    private func probe(_ bytes: UInt64) throws(IOError) {
        let file = try Kernel.openUnnamed(inDirectory: directory)
        try Kernel.allocate(file, size: bytes)
        try file.close()
    }
}
