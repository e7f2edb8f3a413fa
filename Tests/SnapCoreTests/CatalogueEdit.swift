import SnapCatalogue
import SnapCore
import SnapIO
import SnapModel

/// Changes a catalogue behind the store's back, as damage or a mistake would.
struct CatalogueEdit {
    private let path: String

    init(_ path: String) {
        self.path = path
    }

    private func write(_ body: (WriteAccess, ScopeID) throws -> Void) throws {
        let catalogue = try Catalogue.open(directory: path, create: false, disk: Disk())
        defer { catalogue.close() }
        try catalogue.write("edit") { tx in
            guard let org = try tx.reading.org(named: StoreFixture.org) else { return }
            try body(tx, org.scope)
        }
    }

    func setRefs(_ key: ObjectKey, to refs: Int64) throws {
        try write { tx, scope in try tx.setRefs(key, scope: scope, refs: refs) }
    }

    func markBad(_ key: ObjectKey) throws {
        try write { tx, scope in
            guard let frame = try tx.reading.object(key, scope: scope)?.frame else { return }
            try tx.markBad(key, scope: scope, frame: frame, true)
        }
    }
}
