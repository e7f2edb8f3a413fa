internal import SnapCatalogue
internal import SnapDigest
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
        try StoreError.mapped {
            let objects = JobObjects(
                catalogue: store.catalogue, frames: store.frames, scope: org.scope, session: row.id, uploads: uploads)
            return try objects.read(key)
        }
    }
}
