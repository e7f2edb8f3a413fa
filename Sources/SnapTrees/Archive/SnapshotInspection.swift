package import SnapCore
package import SnapModel

/// Looks through a snapshot that a stranger made, before it is committed: every node, and its table of hard links, can be
/// read as what it is said to be.
///
/// Cost: a read of each distinct node.
package struct SnapshotInspection {
    private let load: ObjectLoader

    package init(load: @escaping ObjectLoader) {
        self.load = load
    }

    /// Fills in what is known of a snapshot by its content alone: its kind, and how much it holds.
    ///
    /// - Throws: ``FormatError`` for what is no snapshot; what reading an object throws.
    package func fill(_ draft: inout SnapshotDraft) throws {
        let manifest = try Manifest.decode(load(ObjectKey(.manifest, draft.manifest)))
        _ = try RestoredLinks(manifest.links, below: [], load: load)
        var size = TreeSize(load: load)
        let sum = try size.of(manifest)
        draft.kind = manifest.kind.rawValue
        draft.logicalBytes = Int64(clamping: sum.logicalBytes)
        draft.fileCount = Int64(clamping: sum.files)
        draft.chunkCount = Int64(clamping: sum.chunks)
    }
}
