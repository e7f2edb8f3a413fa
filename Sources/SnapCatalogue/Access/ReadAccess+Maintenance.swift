internal import GRDB
package import SnapModel

// What checks and collections ask.

/// An object whose count of those that borrow it is wrong.
package struct WrongBorrows: Sendable {
    package let key: ObjectKey
    /// What its row says; nothing, where there is none.
    package let noted: Int64
    package let actual: Int64
    package let isThere: Bool
}

extension ReadAccess {
    /// Up to `limit` objects that are not borrowed as often as their row in `public` says.
    package func wrongBorrows(limit: Int) throws -> [WrongBorrows] {
        var statement = try PointStatement(
            db,
            """
            SELECT kind, digest, SUM(noted), SUM(actual), MAX(there) FROM (
                SELECT kind, digest, borrows AS noted, 0 AS actual, 1 AS there FROM object WHERE scope = 1
                UNION ALL
                SELECT kind, digest, 0, 1, 0 FROM object WHERE scope <> 1 AND frame IS NULL)
            GROUP BY kind, digest HAVING SUM(noted) <> SUM(actual) LIMIT ?
            """)
        statement.bind(Int64(limit))
        return try statement.all { row in
            WrongBorrows(
                key: try row.key(), noted: try row.amount(2, "borrows"), actual: try row.amount(3, "borrows"),
                isThere: try row.integer(4, "there") != 0)
        }
    }

    /// Where the objects of a scope are whose bytes lie in a pack, in the order of the pack. Costs a pass over the
    /// scope's objects.
    package func places(pack: Int64, scope: ScopeID) throws -> [ObjectPlace] {
        var statement = try PointStatement(
            db,
            """
            SELECT \(ObjectRow.columns) FROM object JOIN frame ON frame.id = object.frame
            WHERE frame.pack = ? AND object.scope = ? ORDER BY frame.number, object.position
            """)
        statement.bind(pack)
        statement.bind(scope.rawValue)
        return try statement.all { try ObjectRow($0) }.compactMap(\.place)
    }

    /// Objects that ``condemned(scope:before:orTime:limit:)`` finds, and their raw bytes, added up for each frame;
    /// nil for those without bytes of their own.
    package func condemnedPerFrame(scope: ScopeID, before sequence: Int64, orTime milliseconds: Int64) throws
        -> [(frame: Int64?, pack: Int64?, objects: Int64, bytes: Int64)]
    {
        try Row.fetchAll(
            db,
            sql: """
                SELECT object.frame AS frame, frame.pack AS pack, COUNT(*) AS objects,
                       SUM(CASE WHEN object.frame IS NULL THEN 0 ELSE object.length END) AS bytes
                FROM object LEFT JOIN frame ON frame.id = object.frame
                WHERE object.scope = ? AND condemned < ? AND condemned_ms <= ? AND refs = 0 AND borrows = 0
                GROUP BY object.frame, frame.pack
                """, arguments: [scope.rawValue, sequence, milliseconds]
        ).map { row in
            (
                frame: try row.optional("frame"), pack: try row.optional("pack"), objects: try row.get("objects"),
                bytes: try row.amount("bytes")
            )
        }
    }
}
