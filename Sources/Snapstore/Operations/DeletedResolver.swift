package import SnapCore
internal import SnapDigest
internal import SnapModel

/// Finds the deleted snapshot that a reference means: of several the last one deleted.
package struct DeletedResolver: Sendable {
    private let store: Store
    private let org: String

    package init(store: Store, org: String) {
        self.store = store
        self.org = org
    }

    /// - Throws: ``StoreError/Code/invalid`` for text that is no reference, ``StoreError/Code/notFound``.
    package func resolve(_ text: String) throws(StoreError) -> DeletedSnapshot {
        let reference = try SnapshotResolver.parse(text)
        let deleted = try store.deletedSnapshots(org: reference.org ?? org)
        guard let found = deleted.first(where: { Self.matches($0, reference.target) }) else {
            throw StoreError(
                .notFound, "No deleted snapshot `\(escaped(Array(text.utf8)))` is remembered.",
                hint: "What can come back is in `snapstore list --deleted`; gc forgets what is past its grace.")
        }
        return found
    }

    private static func matches(_ deleted: DeletedSnapshot, _ target: Reference.Target) -> Bool {
        func had(_ name: String, _ tag: String?) -> Bool {
            deleted.tags.contains(SnapshotTag(name: name, tag: tag ?? Reference.defaultTag))
        }
        return switch target {
        case .digest(let digest): deleted.manifest == digest
        case .record(let bytes): deleted.id.description == Hex.encode(bytes)
        case .prefix(let prefix): deleted.manifest.hex.hasPrefix(prefix) || had(prefix, nil)
        case .name(let name, let tag, let digest):
            had(name, tag) && digest.map { $0 == deleted.manifest } ?? true
        }
    }
}
