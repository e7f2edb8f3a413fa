internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// The sizes of a snapshot that its record in the catalogue has, computed anew from its objects.
///
/// Costs a read of all metadata. Memory: some 30 bytes for each distinct object.
struct SnapshotSize {
    let kind: Manifest.Kind
    let sum: TreeSize.Sum
    /// Raw bytes of the distinct objects.
    let uniqueBytes: Int64

    /// - Parameter objects: Reads what the snapshot needs, held or not.
    /// - Throws: ``StoreError/Code/incomplete`` when something is not there, ``StoreError/Code/corrupt``.
    init(manifest digest: Digest, objects: JobObjects) throws {
        let manifest = try Manifest.decode(objects.read(ObjectKey(.manifest, digest)))
        kind = manifest.kind
        var size = TreeSize(load: objects.read)
        sum = try size.of(manifest)
        uniqueBytes = try Self.distinctBytes(from: ObjectKey(.manifest, digest), objects) { keys in
            try objects.catalogue.read { tx in
                try keys.map { try tx.object($0, scope: objects.scope)?.length ?? 0 }
            }
        }
    }

    /// - Parameter lengthsOf: Says how long some objects are.
    static func distinctBytes(
        from root: ObjectKey, _ objects: JobObjects, lengthsOf: ([ObjectKey]) throws -> [Int64]
    ) throws -> Int64 {
        var distinct = DistinctObjects()
        var queue: [ObjectKey] = []
        func note(_ keys: [ObjectKey]) throws {
            let lengths = try lengthsOf(keys)
            for (key, length) in zip(keys, lengths) {
                if distinct.note(key, length: length), key.kind.hasChildren { queue.append(key) }
            }
        }
        try note([root])
        while let key = queue.popLast() { try note(objects.children(of: key)) }
        return distinct.bytes
    }
}
