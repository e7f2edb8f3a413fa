internal import SnapCatalogue
internal import Synchronization

/// Connections for look-ups, each of one thread at a time; those of threads that ask no more are for the next ones.
final class LookupPool: Sendable {
    private struct Connection: @unchecked Sendable {
        let lookup: CatalogueLookup
    }

    private let catalogue: Catalogue
    private let free = Mutex<[Connection]>([])

    init(_ catalogue: Catalogue) {
        self.catalogue = catalogue
    }

    /// What `body` asks, each of its questions answered as of its own moment.
    func read<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        let connection = try free.withLock { $0.popLast() } ?? Connection(lookup: catalogue.makeLookup())
        let result = try connection.lookup.read(body)
        free.withLock { $0.append(connection) }
        return result
    }
}
