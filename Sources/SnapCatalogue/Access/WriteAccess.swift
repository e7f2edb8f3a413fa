internal import FoundationEssentials
internal import GRDB
internal import SnapDigest
package import SnapModel

/// What can be done inside ``Catalogue/write(_:_:)``. Not to be kept after the closure returns.
package struct WriteAccess {
    let db: Database

    /// The same transaction, for questions.
    package var reading: ReadAccess { ReadAccess(db: db) }

    /// Rows touched so far by this connection; differences count towards ``Catalogue/rowsPerTransactionMax``.
    package var rowsTouched: Int { db.totalChangesCount }

    /// The next number of the store's one sequence.
    package func nextSequence() throws -> Int64 {
        let value = try Int64.fetchOne(
            db.cachedStatement(sql: "UPDATE counter SET value = value + 1 WHERE name = 'sequence' RETURNING value"))
        guard let value else {
            throw CatalogueError(.corrupt, "The catalogue has lost its sequence: run `snapstore fsck`.")
        }
        return value
    }

    func run(_ sql: String, _ arguments: StatementArguments) throws {
        try db.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}

// MARK: Organisations and sessions

extension WriteAccess {
    /// Makes an organisation and its scope.
    package func insertOrg(named name: String, createdMilliseconds: Int64) throws -> OrgRow {
        try run("INSERT INTO scope (name) VALUES (?)", [name])
        let scope = db.lastInsertedRowID
        try run("INSERT INTO org (name, scope, created_ms) VALUES (?, ?, ?)", [name, scope, createdMilliseconds])
        return OrgRow(id: db.lastInsertedRowID, name: name, scope: ScopeID(scope))
    }

    package func insertSession(uid: String, kind: String, scope: ScopeID, startedMilliseconds: Int64) throws
        -> SessionRow
    {
        let start = try nextSequence()
        try run(
            "INSERT INTO session (uid, kind, scope, start_sequence, started_ms) VALUES (?, ?, ?, ?, ?)",
            [uid, kind, scope.rawValue, start, startedMilliseconds])
        return SessionRow(
            id: db.lastInsertedRowID, uid: uid, kind: kind, scope: scope, startSequence: start,
            startedMilliseconds: startedMilliseconds)
    }

    /// Ends a session without packs.
    package func deleteSession(_ id: Int64) throws {
        try run("DELETE FROM session WHERE id = ?", [id])
    }

    /// Forgets up to `limit` spilled uploads of a session. Returns how many.
    package func deleteUploads(session: Int64, limit: Int) throws -> Int {
        // Up to a key, which is found by counting: SQLite would look through all rows for each of a list of keys.
        let last = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT kind, digest FROM upload WHERE session = ? ORDER BY kind, digest LIMIT 1 OFFSET ?"),
            arguments: [session, limit - 1])
        if let key = try last?.key() {
            try run(
                "DELETE FROM upload WHERE session = ? AND (kind, digest) <= (?, ?)",
                [session, Int64(key.kind.rawValue), key.digest.databaseBlob])
        } else {
            try run("DELETE FROM upload WHERE session = ?", [session])
        }
        return db.changesCount
    }
}

// MARK: Packs and frames

extension WriteAccess {
    /// Announces a pack before its first byte is written, so that nothing on disk is unknown.
    package func insertPack(uid: [UInt8], scope: ScopeID, session: Int64?, state: PackState) throws -> Int64 {
        try run(
            "INSERT INTO pack (uid, scope, session, state) VALUES (?, ?, ?, ?)",
            [Data(uid), scope.rawValue, session, state.rawValue])
        return db.lastInsertedRowID
    }

    package func setPackSizes(_ pack: Int64, storedBytes: Int64, rawBytes: Int64) throws {
        try run("UPDATE pack SET stored_bytes = ?, raw_bytes = ? WHERE id = ?", [storedBytes, rawBytes, pack])
    }

    /// Adds a frame; its identifier is returned.
    package func insertFrame(_ frame: FrameRow) throws -> Int64 {
        try run(
            """
            INSERT INTO frame (pack, number, offset, stored_bytes, raw_bytes, codec, checksum)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                frame.pack, frame.number, Int64(clamping: frame.offset), Int64(frame.storedBytes),
                Int64(frame.rawBytes), Int64(frame.codec), Data(frame.checksum),
            ])
        return db.lastInsertedRowID
    }

    /// Makes up to `limit` pending packs of a session live. Returns how many.
    package func publishPacks(session: Int64, limit: Int) throws -> Int {
        try run(
            """
            UPDATE pack SET state = 1 WHERE id IN (SELECT id FROM pack WHERE session = ? AND state = 0 LIMIT ?)
            """, [session, limit])
        return db.changesCount
    }

    /// Takes up to `limit` live packs from their session. Returns how many.
    package func releasePacks(session: Int64, limit: Int) throws -> Int {
        try run(
            "UPDATE pack SET session = NULL WHERE id IN (SELECT id FROM pack WHERE session = ? LIMIT ?)",
            [session, limit])
        return db.changesCount
    }

    package func setPack(_ pack: Int64, state: PackState) throws {
        try run("UPDATE pack SET state = ? WHERE id = ?", [state.rawValue, pack])
    }

    /// Takes a pack without objects out of use, unless it came into use since the caller saw it in `state`. Says whether.
    package func dropPack(_ pack: Int64, in state: PackState) throws -> Bool {
        try run(
            "UPDATE pack SET state = 2 WHERE id = ? AND state = ? AND live_objects = 0", [pack, state.rawValue])
        return db.changesCount == 1
    }

    /// Counts objects that came to, or went from, a pack.
    package func addLive(pack: Int64, objects: Int64, bytes: Int64) throws {
        try run(
            "UPDATE pack SET live_objects = live_objects + ?, live_bytes = live_bytes + ? WHERE id = ?",
            [objects, bytes, pack])
    }

    /// Corrects the counts of a pack that nothing has changed since it was read as `pack`.
    package func correctLive(_ pack: PackRow, objects: Int64, bytes: Int64) throws {
        try run(
            "UPDATE pack SET live_objects = ?, live_bytes = ? WHERE id = ? AND live_objects = ? AND live_bytes = ?",
            [objects, bytes, pack.id, pack.liveObjects, pack.liveBytes])
    }

    /// Forgets up to `limit` frames of a pack. Returns how many.
    package func deleteFrames(pack: Int64, limit: Int) throws -> Int {
        try run(
            "DELETE FROM frame WHERE id IN (SELECT id FROM frame WHERE pack = ? LIMIT ?)", [pack, limit])
        return db.changesCount
    }

    /// Forgets a pack without frames, once its file is gone.
    package func deletePack(_ pack: Int64) throws {
        try run("DELETE FROM pack WHERE id = ?", [pack])
    }

    package func insertUpload(_ place: ObjectPlace, session: Int64) throws {
        try run(
            "INSERT OR IGNORE INTO upload VALUES (?, ?, ?, ?, ?, ?)",
            [
                session, Int64(place.key.kind.rawValue), place.key.digest.databaseBlob, place.length, place.frame,
                place.position,
            ])
    }
}

// MARK: Objects

extension WriteAccess {
    /// Makes the row of an object, unless there is one. Says whether it did.
    @discardableResult
    package func insertObject(_ place: ObjectPlace, scope: ScopeID, refs: Int64) throws -> Bool {
        try insertObject(
            place.key, length: place.length, scope: scope, refs: refs, frame: place.frame, position: place.position)
    }

    /// A holding whose bytes are those of `public`.
    package func insertBorrowed(_ key: ObjectKey, length: Int64, scope: ScopeID, refs: Int64) throws {
        _ = try insertObject(key, length: length, scope: scope, refs: refs, frame: nil, position: 0)
    }

    private func insertObject(
        _ key: ObjectKey, length: Int64, scope: ScopeID, refs: Int64, frame: Int64?, position: Int64
    ) throws -> Bool {
        var statement = try PointStatement(
            db,
            """
            INSERT INTO object (scope, kind, digest, length, refs, frame, position) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING
            """)
        statement.bind(key, scope: scope)
        statement.bind(length)
        statement.bind(refs)
        statement.bind(frame)
        statement.bind(position)
        return try statement.run() == 1
    }

    /// Adds to the count of an object that is held and not damaged. Says whether it is.
    package func addReferences(_ count: Int64, to key: ObjectKey, scope: ScopeID) throws -> Bool {
        var statement = try PointStatement(
            db,
            """
            UPDATE object SET refs = refs + ? WHERE scope = ? AND kind = ? AND digest = ? AND refs > 0 AND bad = 0
            """)
        statement.bind(count)
        statement.bind(key, scope: scope)
        return try statement.run() == 1
    }

    /// Sets the count of an object.
    package func setRefs(_ key: ObjectKey, scope: ScopeID, refs: Int64) throws {
        var statement = try PointStatement(
            db,
            """
            UPDATE object SET refs = ?, condemned = NULL, condemned_ms = NULL
            WHERE scope = ? AND kind = ? AND digest = ?
            """)
        statement.bind(refs)
        statement.bind(key, scope: scope)
        try statement.run()
    }

    /// Sets the count to zero. Without a sequence the object stays out of reach of gc until ``condemn(_:scope:)``.
    package func letGo(_ key: ObjectKey, scope: ScopeID, sequence: Int64?, milliseconds: Int64) throws {
        var statement = try PointStatement(
            db,
            "UPDATE object SET refs = 0, condemned = ?, condemned_ms = ? WHERE scope = ? AND kind = ? AND digest = ?")
        statement.bind(sequence)
        statement.bind(sequence == nil ? nil : milliseconds)
        statement.bind(key, scope: scope)
        try statement.run()
    }

    /// Counts organisations that hold an object with the bytes of `public`. What it has let go may be collected once there is
    /// none.
    package func addBorrows(_ key: ObjectKey, _ change: Int64) throws {
        try run(
            "UPDATE object SET borrows = borrows + ? WHERE scope = 1 AND kind = ? AND digest = ?",
            [change, Int64(key.kind.rawValue), key.digest.databaseBlob])
    }

    /// Moves an object to other bytes, and takes a mark of damage from it.
    package func moveObject(_ key: ObjectKey, scope: ScopeID, frame: Int64, position: Int64) throws {
        try run(
            "UPDATE object SET frame = ?, position = ?, bad = 0 WHERE scope = ? AND kind = ? AND digest = ?",
            [frame, position, scope.rawValue, Int64(key.kind.rawValue), key.digest.databaseBlob])
    }

    /// Marks damage: reads say corrupt, and the object counts as missing when asked for. Only of the bytes in `frame`:
    /// whoever read them may be late, and the object elsewhere by now.
    ///
    /// - Returns: Whether the object is still there.
    @discardableResult
    package func markBad(_ key: ObjectKey, scope: ScopeID, frame: Int64, _ isBad: Bool) throws -> Bool {
        try run(
            "UPDATE object SET bad = ? WHERE scope = ? AND kind = ? AND digest = ? AND frame = ?",
            [isBad ? 1 : 0, scope.rawValue, Int64(key.kind.rawValue), key.digest.databaseBlob, frame])
        return db.changesCount == 1
    }

    /// Deletes an object that is still condemned and unreferenced. Says whether it was.
    ///
    /// - Parameter sequence: Only if it was condemned then, and not held and let go again meanwhile.
    package func deleteCondemned(_ key: ObjectKey, scope: ScopeID, sequence: Int64? = nil) throws -> Bool {
        try run(
            """
            DELETE FROM object WHERE scope = ?1 AND kind = ?2 AND digest = ?3
                AND refs = 0 AND borrows = 0 AND condemned IS NOT NULL AND (?4 IS NULL OR condemned = ?4)
            """, [scope.rawValue, Int64(key.kind.rawValue), key.digest.databaseBlob, sequence])
        return db.changesCount == 1
    }

    package func addHeld(scope: ScopeID, bytes: Int64, objects: Int64) throws {
        try run(
            "UPDATE scope SET held_bytes = held_bytes + ?, held_objects = held_objects + ? WHERE id = ?",
            [bytes, objects, scope.rawValue])
    }
}
