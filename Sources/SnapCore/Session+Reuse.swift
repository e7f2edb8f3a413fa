internal import SnapCatalogue
package import SnapModel

// For captures that take the content of unchanged files from an earlier one, without putting their chunks.

extension Session {
    /// Counts an object that the snapshot refers to and that is held, so that it need not be put.
    package func noteReused(_ key: ObjectKey, length: Int) {
        distinct.note(key, length: Int64(length))
    }

    /// Whether some object that the organisation can read is known to be damaged.
    package func hasDamage() throws(StoreError) -> Bool {
        try StoreError.mapped {
            try store.catalogue.read { try $0.hasBadObjects(scopes: [org.scope, .public]) }
        }
    }
}
