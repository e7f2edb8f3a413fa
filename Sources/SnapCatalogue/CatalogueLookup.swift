internal import GRDB
internal import SnapDigest
package import SnapModel

/// Questions about objects over a connection of its own: what a restore asks for every chunk. Not for use by several
/// threads at once.
package final class CatalogueLookup {
    private let queue: DatabaseQueue

    init(path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in try db.execute(sql: Catalogue.cachePragma) }
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// What `body` asks, outside a transaction: each of its questions is answered as of its own moment.
    package func read<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        try queue.unsafeRead { try body(ReadAccess(db: $0)) }
    }
}
