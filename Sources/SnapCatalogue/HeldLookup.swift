internal import CSnapSQLite
internal import GRDB
internal import SnapDigest
package import SnapModel

/// Says whether objects are held, over a connection of its own: what a capture asks for every chunk.
///
/// About 1.5 µs a call, by SQLite's own calls: GRDB's queue takes as long again as the answer. Not for use by several
/// threads at once.
package final class HeldLookup {
    /// Answers as of one moment: to take and give back SQLite's locks costs more than an answer, and a transaction that
    /// stays keeps the write-ahead log from beginning anew.
    private static let answersPerTransaction = 128

    private let path: String
    private let connection: OpaquePointer
    private let question: OpaquePointer
    private let publicHoldings: OpaquePointer
    private var answersLeft = 0
    private var isPublicEmpty = false

    init(path: String) throws {
        self.path = path
        var connection: OpaquePointer?
        let code = sqlite3_open_v2(path, &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard code == SQLITE_OK, let connection else {
            defer { sqlite3_close_v2(connection) }
            throw Self.error(code, connection)
        }
        do {
            sqlite3_busy_timeout(connection, 10_000)
            try Self.check(sqlite3_exec(connection, Catalogue.cachePragma, nil, nil, nil), connection)
            question = try Self.prepare(
                """
                SELECT 1 FROM object AS held WHERE scope = ? AND kind = ? AND digest = ? AND refs > 0 AND bad = 0
                    AND (frame IS NOT NULL OR EXISTS (
                        SELECT 1 FROM object WHERE scope = 1 AND kind = held.kind AND digest = held.digest AND bad = 0))
                """, connection)
            publicHoldings = try Self.prepare("SELECT held_objects FROM scope WHERE id = 1", connection)
        } catch {
            sqlite3_close_v2(connection)
            throw error
        }
        self.connection = connection
    }

    deinit {
        sqlite3_finalize(question)
        sqlite3_finalize(publicHoldings)
        sqlite3_close_v2(connection)
    }

    /// Whether `scope` itself holds good bytes, own or borrowed, for `key`, or `public` shows it. As of some moment that
    /// may be so many calls ago: good for who has a session, since which nothing that was held is let go of.
    package func isHeld(_ key: ObjectKey, scope: ScopeID) throws -> Bool {
        try Catalogue.mappedAny(path) {
            if answersLeft == 0 { try begin() }
            answersLeft -= 1
            if try isThere(key, in: scope) { return true }
            return try scope != .public && !isPublicEmpty && isThere(key, in: .public)
        }
    }

    /// Ends what ``isHeld(_:scope:)`` has left open.
    package func rest() {
        answersLeft = 0
        guard sqlite3_get_autocommit(connection) == 0 else { return }
        sqlite3_exec(connection, "COMMIT", nil, nil, nil)
    }

    private func begin() throws {
        rest()
        try Self.check(sqlite3_exec(connection, "BEGIN", nil, nil, nil), connection)
        answersLeft = Self.answersPerTransaction
        defer { sqlite3_reset(publicHoldings) }
        let code = sqlite3_step(publicHoldings)
        guard code == SQLITE_ROW || code == SQLITE_DONE else { throw Self.error(code, connection) }
        isPublicEmpty = code == SQLITE_DONE || sqlite3_column_int64(publicHoldings, 0) == 0
    }

    private func isThere(_ key: ObjectKey, in scope: ScopeID) throws -> Bool {
        defer { sqlite3_reset(question) }
        sqlite3_bind_int64(question, 1, scope.rawValue)
        sqlite3_bind_int64(question, 2, Int64(key.kind.rawValue))
        let code = key.digest.withBytes { bytes in
            // Without a copy: the step is over before the bytes are gone.
            sqlite3_bind_blob(question, 3, bytes.baseAddress, Int32(bytes.count), nil)
            return sqlite3_step(question)
        }
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw Self.error(code, connection)
        }
    }
}

extension HeldLookup {
    private static func prepare(_ sql: String, _ connection: OpaquePointer) throws -> OpaquePointer {
        var statement: OpaquePointer?
        try check(
            sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil), connection)
        guard let statement else { throw DatabaseError(resultCode: .SQLITE_MISUSE, message: sql) }
        return statement
    }

    private static func check(_ code: Int32, _ connection: OpaquePointer) throws {
        guard code == SQLITE_OK else { throw error(code, connection) }
    }

    private static func error(_ code: Int32, _ connection: OpaquePointer?) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: connection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) })
    }
}
