internal import SnapCatalogue
package import SnapModel

/// A longer read of a store: nothing that was held when it began is deleted while it is open.
///
/// Where nothing can be written, on a full disk or one that is mounted read-only, it is a read all the same, which relies
/// on nobody deleting what it reads.
package struct Reading {
    private let session: Session?
    private let plain: ObjectReader

    init(store: Store, org: String) throws {
        plain = try store.reader(org: org)
        guard !store.catalogue.isReadOnly else {
            session = nil
            return
        }
        do throws(StoreError) {
            session = try store.beginSession(.restore, org: org)
        } catch {
            guard error.code == .outOfSpace else { throw error }
            session = nil
        }
    }

    package func reader() -> ObjectReader { session?.reader() ?? plain }

    /// Whether the object is held, and stays so until the end. Never, where nothing can be written.
    package func contains(_ key: ObjectKey) throws(StoreError) -> Bool { try session?.contains(key) ?? false }

    /// Whether some object that can be read is known to be damaged; nil where that cannot be told.
    package func hasDamage() throws(StoreError) -> Bool? { try session?.hasDamage() }

    package func end() { session?.end() }
}

extension Store {
    /// Begins a longer read of what `org` may see.
    ///
    /// - Throws: ``StoreError/Code/notFound`` for an unknown organisation.
    package func beginReading(org: String) throws(StoreError) -> Reading {
        try StoreError.mapped { try Reading(store: self, org: org) }
    }
}
