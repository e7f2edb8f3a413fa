import SnapCore
import SnapModel
import SnapTrees
import Snapstore

/// A place in a snapshot that a command looks at from there on down.
struct Look {
    let tree: SnapshotTree
    /// Names joined by `/`; empty for the top.
    let path: [UInt8]
    let entry: Entry
    /// Ends with the first signal.
    let progress: Progress
}

extension GlobalOptions {
    /// Calls `body` with what is at `path`. Until it returns, gc keeps what the snapshot needs, even if somebody deletes
    /// it.
    func look(into reference: String, at path: ByteArgument?, _ body: (Look) throws -> Void) throws {
        let store = try openStore()
        let reading = try store.beginReading(org: Self.org)
        defer { reading.end() }
        let tree = try SnapshotTree(try resolve(reference, in: store), reader: reading.reader())
        let path = SnapshotTree.plain(path?.bytes ?? [])
        let entry = try tree.entry(at: path)
        let progress = Progress()
        Interrupts.cancel(progress)
        defer { Interrupts.cancel(nil) }
        try body(Look(tree: tree, path: path, entry: entry, progress: progress))
    }
}
