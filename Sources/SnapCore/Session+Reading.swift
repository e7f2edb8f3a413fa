internal import SnapCatalogue
package import SnapDigest
package import SnapModel

extension Session {
    /// Reads the objects that the session's organisation may see, and those that it could when the session began:
    /// a snapshot that is deleted meanwhile is read to its end.
    package func reader() -> ObjectReader {
        ObjectReader(
            catalogue: store.catalogue, frames: store.frames, scope: org.scope, since: row.startSequence)
    }

    /// Writes out what was put so far, so that ``read(_:)`` finds it. A commit does so by itself.
    package func flush() throws(StoreError) {
        try StoreError.mapped { try finishWriter() }
    }

    /// The bytes of an object that this session has flushed, or that its organisation may read.
    ///
    /// - Throws: ``StoreError/Code/incomplete`` when it is in neither place.
    package func read(_ key: ObjectKey) throws(StoreError) -> [UInt8] {
        try StoreError.mapped { try objects.read(key) }
    }

    private var objects: JobObjects {
        JobObjects(
            catalogue: store.catalogue, frames: store.frames, scope: org.scope, session: row.id, uploads: uploads)
    }

    /// Raw bytes of the distinct objects of a snapshot that this session has flushed, as far as it was not held. For a
    /// session that was not given what is held, and so did not count it.
    ///
    /// - Complexity: A read of each node, and a look-up of each object.
    package func distinctBytes(of manifest: Digest) throws(StoreError) -> Int64 {
        try StoreError.mapped {
            try SnapshotSize.distinctBytes(from: ObjectKey(.manifest, manifest), objects) { keys in
                try store.catalogue.lookUp { tx in
                    try keys.map { key in
                        if let place = try uploads.place(key) ?? tx.upload(key, session: row.id) { return place.length }
                        return try tx.object(key, scope: org.scope)?.length ?? tx.object(key, scope: .public)?.length
                            ?? 0
                    }
                }
            }
        }
    }
}
