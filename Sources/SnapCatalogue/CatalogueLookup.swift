internal import GRDB
internal import SnapDigest
package import SnapModel

/// Point look-ups of objects over a connection of its own: what a capture asks for every chunk.
///
/// About 2 µs a call. Not for use by several threads at once.
package final class CatalogueLookup {
    /// Answers as of one moment: to take and give back SQLite's locks costs more than an answer, and a transaction that
    /// stays keeps the write-ahead log from beginning anew.
    private static let answersPerTransaction = 128

    private let queue: DatabaseQueue
    private var answersLeft = 0

    init(path: String) throws {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        // One stays open between the calls of `isHeld`.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { db in try db.execute(sql: Catalogue.cachePragma) }
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// What `body` asks, outside a transaction: each of its questions is answered as of its own moment.
    package func read<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        try queue.unsafeRead { try body(ReadAccess(db: $0)) }
    }

    /// Whether `scope` itself holds good bytes, own or borrowed, for `key`, or `public` shows it. As of some moment that
    /// may be so many calls ago: good for who has a session, since which nothing that was held is let go of.
    package func isHeld(_ key: ObjectKey, scope: ScopeID) throws -> Bool {
        try queue.unsafeRead { db in
            if answersLeft == 0 {
                if db.isInsideTransaction { try db.commit() }
                try db.beginTransaction(.deferred)
                answersLeft = Self.answersPerTransaction
            }
            answersLeft -= 1
            var statement = try PointStatement(
                db,
                """
                SELECT 1 FROM object
                WHERE scope IN (?, 1) AND kind = ? AND digest = ? AND refs > 0 AND bad = 0 LIMIT 1
                """)
            statement.bind(key, scope: scope)
            return try statement.first { _ in } != nil
        }
    }

    /// Ends what ``isHeld(_:scope:)`` has left open.
    package func rest() {
        answersLeft = 0
        try? queue.unsafeRead { db in
            if db.isInsideTransaction { try db.commit() }
        }
    }
}
