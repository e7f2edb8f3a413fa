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
            try body(tx, tx.reading.org(named: StoreFixture.org)?.scope ?? .public)
        }
    }

    func setRefs(_ key: ObjectKey, to refs: Int64) throws {
        try write { tx, scope in try tx.setRefs(key, scope: scope, refs: refs) }
    }

    /// Raw bytes that a scope holds.
    func heldBytes(scope: String) throws -> Int64 {
        let catalogue = try Catalogue.open(directory: path, create: false, disk: Disk())
        defer { catalogue.close() }
        return try catalogue.read { try $0.scopes() }.first { $0.name == scope }?.heldBytes ?? 0
    }

    func addBorrows(_ key: ObjectKey, _ count: Int64) throws {
        let catalogue = try Catalogue.open(directory: path, create: false, disk: Disk())
        defer { catalogue.close() }
        try catalogue.write("edit") { try $0.addBorrows(key, count) }
    }

    func markBad(_ key: ObjectKey, in scope: ScopeID? = nil) throws {
        try write { tx, own in
            let scope = scope ?? own
            guard let frame = try tx.reading.object(key, scope: scope)?.frame else { return }
            try tx.markBad(key, scope: scope, frame: frame, true)
        }
    }
}
