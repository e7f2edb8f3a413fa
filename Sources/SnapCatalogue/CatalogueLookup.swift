internal import GRDB
internal import SnapDigest
package import SnapModel

/// Point look-ups of objects over a connection of its own, each its own statement: what a capture asks for every chunk.
///
/// About 5 µs a call. Not for use by several threads at once.
package final class CatalogueLookup {
    private let queue: DatabaseQueue

    init(path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// What `body` asks, outside a transaction: each of its questions is answered as of its own moment.
    package func read<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        try queue.unsafeRead { try body(ReadAccess(db: $0)) }
    }

    /// Whether `scope` itself holds good bytes, own or borrowed, for `key`, or `public` shows it.
    package func isHeld(_ key: ObjectKey, scope: ScopeID) throws -> Bool {
        try queue.unsafeRead { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT 1 FROM object
                    WHERE scope IN (?, 1) AND kind = ? AND digest = ? AND refs > 0 AND bad = 0 LIMIT 1
                    """)
            return try Int.fetchOne(
                statement, arguments: [scope.rawValue, Int64(key.kind.rawValue), key.digest.databaseBlob]) != nil
        }
    }
}
