internal import FoundationEssentials
internal import GRDB
package import SnapDigest
package import SnapModel

/// What can be asked of the catalogue inside ``Catalogue/read(_:)``. Not to be kept after the closure returns.
package struct ReadAccess {
    let db: Database
}

// MARK: Scopes, organisations, sessions

extension ReadAccess {
    package func scope(_ id: ScopeID) throws -> ScopeRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM scope WHERE id = ?", arguments: [id.rawValue]).map(ScopeRow.init)
    }

    package func scopes() throws -> [ScopeRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM scope ORDER BY id").map(ScopeRow.init)
    }

    package func org(named name: String) throws -> OrgRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM org WHERE name = ?", arguments: [name]).map(OrgRow.init)
    }

    package func orgs() throws -> [OrgRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM org ORDER BY name").map(OrgRow.init)
    }

    package func sessions() throws -> [SessionRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM session ORDER BY id").map(SessionRow.init)
    }

    package func hasSession(kind: String) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT 1 FROM session WHERE kind = ? LIMIT 1", arguments: [kind]) != nil
    }

    /// The last number given out; rises with sessions, condemnations and tags.
    package func sequence() throws -> Int64 {
        guard let value = try Int64.fetchOne(db, sql: "SELECT value FROM counter WHERE name = 'sequence'") else {
            throw CatalogueError(.corrupt, "The catalogue has lost its sequence: run `snapstore fsck`.")
        }
        return value
    }

    /// Changes whenever another connection has committed.
    package func dataVersion() throws -> Int64 {
        try Int64.fetchOne(db, sql: "PRAGMA data_version") ?? 0
    }
}

// MARK: Objects, frames, packs

extension ReadAccess {
    package func object(_ key: ObjectKey, scope: ScopeID) throws -> ObjectRow? {
        try objects([key], scope: scope).first ?? nil
    }

    /// The row of each of `keys`, in their order; nil for what the scope has none of.
    package func objects(_ keys: [ObjectKey], scope: ScopeID) throws -> [ObjectRow?] {
        var statement = try PointStatement(
            db, "SELECT \(ObjectRow.columns) FROM object WHERE scope = ? AND kind = ? AND digest = ?")
        return try keys.map { key in
            statement.bind(key, scope: scope)
            return try statement.first { try ObjectRow($0) }
        }
    }

    /// Up to `limit` objects of a scope after `key`, in key order.
    package func objects(scope: ScopeID, after key: ObjectKey?, limit: Int) throws -> [ObjectRow] {
        var statement = try PointStatement(
            db,
            """
            SELECT \(ObjectRow.columns) FROM object WHERE scope = ? AND (kind, digest) > (?, ?)
            ORDER BY kind, digest LIMIT ?
            """)
        statement.bind(scope.rawValue)
        statement.bind(Int64(key?.kind.rawValue ?? 0))
        statement.bind(orEmpty: key?.digest)
        statement.bind(Int64(limit))
        return try statement.all { try ObjectRow($0) }
    }

    /// Up to `limit` objects of one kind after `digest`, in order.
    package func objects(scope: ScopeID, kind: ObjectKind, after digest: Digest?, limit: Int) throws -> [ObjectRow] {
        var statement = try PointStatement(
            db,
            """
            SELECT \(ObjectRow.columns) FROM object WHERE scope = ? AND kind = ? AND digest > ? ORDER BY digest LIMIT ?
            """)
        statement.bind(scope.rawValue)
        statement.bind(Int64(kind.rawValue))
        statement.bind(orEmpty: digest)
        statement.bind(Int64(limit))
        return try statement.all { try ObjectRow($0) }
    }

    /// Up to `limit` objects that a scope holds and whose bytes it has, in key order, with the place of each.
    package func heldPlaces(scope: ScopeID, limit: Int) throws -> [ObjectPlace] {
        var statement = try PointStatement(
            db,
            """
            SELECT \(ObjectRow.columns) FROM object
            WHERE scope = ? AND refs > 0 AND bad = 0 AND frame IS NOT NULL ORDER BY kind, digest LIMIT ?
            """)
        statement.bind(scope.rawValue)
        statement.bind(Int64(limit))
        return try statement.all { try ObjectRow($0) }.compactMap(\.place)
    }

    /// Up to `limit` objects that a scope holds good bytes of its own for, in key order.
    package func heldKeys(scope: ScopeID, limit: Int) throws -> [ObjectKey] {
        var statement = try PointStatement(
            db,
            """
            SELECT kind, digest FROM object
            WHERE scope = ? AND refs > 0 AND bad = 0 AND frame IS NOT NULL ORDER BY kind, digest LIMIT ?
            """)
        statement.bind(scope.rawValue)
        statement.bind(Int64(limit))
        return try statement.all { try $0.key() }
    }

    /// Up to `limit` objects of a scope after `key`, in key order, that are said to be in a frame of none of its packs, or
    /// of one of `lost`.
    package func objectsAstray(scope: ScopeID, lost: [Int64], after key: ObjectKey?, limit: Int) throws -> [ObjectRow] {
        var statement = try PointStatement(
            db,
            """
            SELECT \(ObjectRow.columns) FROM object
            WHERE scope = ? AND (kind, digest) > (?, ?) AND frame IS NOT NULL AND frame NOT IN (
                SELECT frame.id FROM frame JOIN pack ON pack.id = frame.pack
                WHERE pack.scope = ? AND pack.id NOT IN (SELECT value FROM json_each(?)))
            ORDER BY kind, digest LIMIT ?
            """)
        statement.bind(scope.rawValue)
        statement.bind(Int64(key?.kind.rawValue ?? 0))
        statement.bind(orEmpty: key?.digest)
        statement.bind(scope.rawValue)
        statement.bind("\(lost)")
        statement.bind(Int64(limit))
        return try statement.all { try ObjectRow($0) }
    }

    /// Objects that nobody holds, the longest condemned first.
    package func condemned(scope: ScopeID, before sequence: Int64, orTime milliseconds: Int64, limit: Int) throws
        -> [ObjectRow]
    {
        var statement = try PointStatement(
            db,
            """
            SELECT \(ObjectRow.columns) FROM object
            WHERE scope = ? AND condemned < ? AND condemned_ms <= ? AND refs = 0 AND borrows = 0
            ORDER BY condemned LIMIT ?
            """)
        for value in [scope.rawValue, sequence, milliseconds, Int64(limit)] { statement.bind(value) }
        return try statement.all { try ObjectRow($0) }
    }

    /// Raw bytes of what nobody holds, and the time at which the last of it was let go.
    package func condemnedTotals(scope: ScopeID) throws -> (objects: Int64, bytes: Int64, latestMilliseconds: Int64) {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT COUNT(*) AS objects,
                       COALESCE(SUM(CASE WHEN frame IS NULL THEN 0 ELSE length END), 0) AS bytes,
                       COALESCE(MAX(condemned_ms), 0) AS latest
                FROM object INDEXED BY object_condemned WHERE scope = ? AND condemned IS NOT NULL AND borrows = 0
                """, arguments: [scope.rawValue])
        guard let row else { return (0, 0, 0) }
        return (try row.get("objects"), try row.get("bytes"), try row.get("latest"))
    }

    /// Whether some object of some scopes is damaged.
    package func hasBadObjects(scopes: [ScopeID]) throws -> Bool {
        for scope in scopes where try !badObjects(scope: scope, limit: 1).isEmpty { return true }
        return false
    }

    /// Up to `limit` damaged objects. By their own index, or SQLite would look through all objects of the scope.
    package func badObjects(scope: ScopeID, limit: Int) throws -> [ObjectRow] {
        var statement = try PointStatement(
            db,
            "SELECT \(ObjectRow.columns) FROM object INDEXED BY object_bad WHERE scope = ? AND bad <> 0 LIMIT ?")
        statement.bind(scope.rawValue)
        statement.bind(Int64(limit))
        return try statement.all { try ObjectRow($0) }
    }

    package func frame(_ id: Int64) throws -> FrameRow? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM frame WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id]).map(FrameRow.init)
    }

    /// Where a frame is: with the 16 bytes that its pack is named by, and the name of the scope.
    package func location(ofFrame id: Int64) throws -> (frame: FrameRow, pack: [UInt8], scope: String)? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT frame.*, pack.uid AS pack_uid, scope.name AS scope_name
                FROM frame JOIN pack ON pack.id = frame.pack JOIN scope ON scope.id = pack.scope WHERE frame.id = ?
                """)
        return try Row.fetchOne(statement, arguments: [id]).map { row in
            (try FrameRow(row), try row.bytes("pack_uid"), try row.get("scope_name"))
        }
    }

    /// The pack that a frame is in, if it is live.
    package func livePack(ofFrame frame: Int64) throws -> Int64? {
        var statement = try PointStatement(
            db, "SELECT pack.id FROM frame JOIN pack ON pack.id = frame.pack WHERE frame.id = ? AND pack.state = ?")
        statement.bind(frame)
        statement.bind(PackState.live.rawValue)
        return try statement.first { try $0.integer(0, "id") }
    }

    package func frames(pack: Int64) throws -> [FrameRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM frame WHERE pack = ? ORDER BY number", arguments: [pack])
            .map(FrameRow.init)
    }

    /// Numbers of the frames of all packs of a scope: about one for each megabyte.
    package func frameNumbers(scope: ScopeID) throws -> Set<Int64> {
        try Int64.fetchSet(
            db, sql: "SELECT frame.id FROM frame JOIN pack ON pack.id = frame.pack WHERE pack.scope = ?",
            arguments: [scope.rawValue])
    }

    package func pack(_ id: Int64) throws -> PackRow? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM pack WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id]).map(PackRow.init)
    }

    package func pack(uid: [UInt8]) throws -> PackRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM pack WHERE uid = ?", arguments: [Data(uid)]).map(PackRow.init)
    }

    package func packs(scope: ScopeID? = nil, state: PackState? = nil) throws -> [PackRow] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM pack WHERE (?1 IS NULL OR scope = ?1) AND (?2 IS NULL OR state = ?2) ORDER BY id
                """, arguments: [scope?.rawValue, state?.rawValue]
        ).map(PackRow.init)
    }

    package func packs(session: Int64) throws -> [PackRow] {
        try Row.fetchAll(db, sql: "SELECT * FROM pack WHERE session = ? ORDER BY id", arguments: [session])
            .map(PackRow.init)
    }

    /// Where a session that is not this process's, or ran out of memory for it, put an object.
    package func upload(_ key: ObjectKey, session: Int64) throws -> ObjectPlace? {
        let statement = try db.cachedStatement(
            sql: "SELECT * FROM upload WHERE session = ? AND kind = ? AND digest = ?")
        return try Row.fetchOne(
            statement, arguments: [session, Int64(key.kind.rawValue), key.digest.databaseBlob]
        ).map { row in
            ObjectPlace(
                key: try row.key(), length: try row.amount("length"), frame: try row.get("frame"),
                position: try row.amount("position"))
        }
    }

    /// Whether any of a session's uploads are in the catalogue.
    package func hasUploads(session: Int64) throws -> Bool {
        try Int.fetchOne(db, sql: "SELECT 1 FROM upload WHERE session = ? LIMIT 1", arguments: [session]) != nil
    }
}

// MARK: Rows to values

extension ScopeRow {
    init(_ row: Row) throws {
        self.init(
            id: ScopeID(try row.get("id")), name: try row.get("name"), heldBytes: try row.balance("held_bytes"),
            heldObjects: try row.balance("held_objects"))
    }
}

extension OrgRow {
    init(_ row: Row) throws {
        self.init(id: try row.get("id"), name: try row.get("name"), scope: ScopeID(try row.get("scope")))
    }
}

extension SessionRow {
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), uid: try row.get("uid"), kind: try row.get("kind"),
            scope: ScopeID(try row.get("scope")), startSequence: try row.get("start_sequence"),
            startedMilliseconds: try row.get("started_ms"))
    }
}

extension ObjectRow {
    /// What a query for objects selects, in the order of ``init(_:)``.
    static let columns =
        "object.kind, object.digest, length, refs, borrows, object.frame, position, condemned, bad"

    /// - Parameter row: Of a query that selects ``columns`` first.
    init(_ row: PointStatement.Columns) throws {
        self.init(
            key: try row.key(), length: try row.amount(2, "length"),
            refs: try row.amount(3, "refs"), borrows: try row.amount(4, "borrows"),
            frame: try row.optional(5, "frame"), position: try row.amount(6, "position"),
            condemned: try row.optional(7, "condemned"), isBad: try row.integer(8, "bad") != 0)
    }
}

extension PackRow {
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), uid: try row.bytes("uid"), scope: ScopeID(try row.get("scope")),
            session: try row.optional("session"), state: try row.value("state") { PackState(rawValue: $0) },
            storedBytes: try row.amount("stored_bytes"), rawBytes: try row.amount("raw_bytes"),
            liveObjects: try row.balance("live_objects"), liveBytes: try row.balance("live_bytes"))
    }
}

extension FrameRow {
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), pack: try row.get("pack"),
            number: try row.value("number") { (raw: Int64) in Int(exactly: raw) },
            offset: try row.value("offset") { (raw: Int64) in UInt64(exactly: raw) },
            storedBytes: try row.value("stored_bytes", FrameRow.length),
            rawBytes: try row.value("raw_bytes", FrameRow.length),
            codec: try row.value("codec") { (raw: Int64) in UInt8(exactly: raw) },
            checksum: try row.bytes("checksum"))
    }

    /// Readers allocate this much.
    private static func length(_ raw: Int64) -> UInt32? {
        raw <= Limits.frameRawBytesMax ? UInt32(exactly: raw) : nil
    }
}
