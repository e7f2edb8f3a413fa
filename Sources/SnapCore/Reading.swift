internal import SnapCatalogue

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
