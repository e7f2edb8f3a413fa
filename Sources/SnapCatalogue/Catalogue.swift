internal import CSnapSQLite
internal import GRDB
package import SnapIO
internal import Synchronization

/// The catalogue of a store: one SQLite database, shared by any number of processes.
///
/// SQLite 3.40 corrupts a write-ahead log when two connections commit or checkpoint at once, so every write
/// transaction and every checkpoint, in any process, holds `catalog.lock`. Commits are synced (`synchronous = FULL`):
/// what ``write(_:_:)`` has returned from survives a power cut. Readers never wait and are never waited for.
package final class Catalogue: Sendable {
    /// Rows one write transaction may touch, so that no writer waits long for another.
    package static let rowsPerTransactionMax = 1_000
    /// Size of the write-ahead log at which the next commit moves it into the database.
    package static let checkpointBytes: UInt64 = 4 << 20

    /// Pages that a connection keeps in memory: 8 MiB, the objects of some 100,000 chunks.
    static let cachePragma = "PRAGMA cache_size = -8192"

    package let path: String
    private let pool: DatabasePool
    private let lookups: LookupPool
    /// Nil where nothing can be written.
    private let lock: WriterLock?
    private let disk: Disk
    private let largest = Atomic(0)
    /// How the last write has left its connection.
    private let isUnsynced = Atomic(false)

    private init(path: String, pool: DatabasePool, lock: WriterLock?, disk: Disk) {
        self.path = path
        self.pool = pool
        lookups = LookupPool(path: path)
        self.lock = lock
        self.disk = disk
    }

    /// Whether it lies on a file system that is mounted read-only: it can be read as it is.
    package var isReadOnly: Bool { lock == nil }

    /// Opens the catalogue at `directory/catalog.sqlite`, making or migrating it. On a file system that is mounted
    /// read-only it can only be read.
    ///
    /// - Parameters:
    ///   - name: Of the file, for one that is to take the place of another.
    ///   - create: Make the file when it is missing; otherwise that is ``CatalogueError/Code/missing``.
    ///   - disk: Where commits pass their gate.
    package static func open(
        directory: String, name: String = "catalog.sqlite", create: Bool, disk: Disk, lockDeadlineSeconds: Double = 30
    ) throws(CatalogueError) -> Catalogue {
        let path = directory + "/" + name
        if !create && !Kernel.exists(path) {
            throw CatalogueError(
                .missing, "The catalogue \(path) is missing: run `snapstore fsck --rebuild-catalog` to make it anew.")
        }
        return try mapped(path) {
            let lock: WriterLock
            do {
                lock = try WriterLock(directory: directory, deadlineSeconds: lockDeadlineSeconds)
            } catch let error as IOError where error.isReadOnly {
                return Catalogue(path: path, pool: try openPool(path, isReadOnly: true), lock: nil, disk: disk)
            }
            // Opening writes (GRDB makes sure that a write-ahead log exists), so it takes the lock too.
            let pool = try lock.locked {
                try LogIndexRoom(path: path, directory: directory).ensure()
                return try disk.gate(.transaction("open")) { try openPool(path) }
            }
            return Catalogue(path: path, pool: pool, lock: lock, disk: disk)
        }
    }

    private static func openPool(_ path: String, isReadOnly: Bool = false) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "catalogue"
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 4
        configuration.readonly = isReadOnly
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
            try db.execute(sql: cachePragma)
            // The file shrinks when it is begun anew, or its size would ask for a checkpoint at every commit.
            try db.execute(sql: "PRAGMA journal_size_limit = \(checkpointBytes / 2)")
            guard let connection = db.sqliteConnection, snap_sqlite_no_checkpoint_on_close(connection) == SQLITE_OK
            else { throw DatabaseError(message: "SQLite refused NO_CKPT_ON_CLOSE") }
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        // The pool sets NORMAL after `prepareDatabase`, which loses acknowledged commits at a power cut.
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
            guard level == 2 else { throw DatabaseError(message: "SQLite did not take synchronous = FULL") }
        }
        let migrator = Schema.migrator
        if try pool.read({ try migrator.hasBeenSuperseded($0) }) {
            throw CatalogueError(
                .newer, "The catalogue \(path) was written by a newer version of snapstore: use that version.")
        }
        if try !pool.read({ try migrator.hasCompletedMigrations($0) }) {
            guard !isReadOnly else { throw refusedWrite(path) }
            try migrator.migrate(pool)
        }
        return pool
    }

    /// The version of SQLite that this process runs with.
    package static var libraryVersion: String { String(cString: sqlite3_libversion()) }

    /// How the connection of all writes is set, as SQLite says it.
    package struct Settings: Sendable {
        package let journalMode: String
        package let synchronous: Int64
        package let autocheckpoint: Int64
    }

    package func settings() throws -> Settings {
        try Catalogue.mappedAny(path) {
            try pool.writeWithoutTransaction { db in
                Settings(
                    journalMode: try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "",
                    synchronous: try Int64.fetchOne(db, sql: "PRAGMA synchronous") ?? -1,
                    autocheckpoint: try Int64.fetchOne(db, sql: "PRAGMA wal_autocheckpoint") ?? -1)
            }
        }
    }

    private static func refusedWrite(_ path: String) -> CatalogueError {
        CatalogueError(.readOnly, "The catalogue \(path) is to be written, and its file system is mounted read-only.")
    }

    /// For what would do something else before its first write.
    package func refuseIfReadOnly() throws {
        if isReadOnly { throw Self.refusedWrite(path) }
    }

    /// The lock of all writers.
    private func writerLock() throws -> WriterLock {
        guard let lock else { throw Self.refusedWrite(path) }
        return lock
    }

    /// Calls `body` on a consistent snapshot of the catalogue. Keep it short: no I/O and no waiting inside, because a
    /// reader that stays pins the write-ahead log.
    package func read<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        try Catalogue.mappedAny(path) { try pool.read { try body(ReadAccess(db: $0)) } }
    }

    /// What `body` asks, outside a transaction, over a connection that is for look-ups: each of its questions is answered as
    /// of its own moment. What a restore asks for every few chunks.
    package func lookUp<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        try Catalogue.mappedAny(path) { try lookups.read(body) }
    }

    /// Runs `body` as one synced transaction, under the lock of all writers.
    ///
    /// - Parameters:
    ///   - label: For the gate that the commit passes.
    ///   - isSynced: Otherwise a power cut may take the transaction back, until the next one that is synced. What comes
    ///     later is never there without it: a log is written and synced from front to back.
    /// - Throws: What `body` throws, with nothing written; ``CatalogueError`` otherwise.
    @discardableResult
    package func write<Result>(
        _ label: String, isSynced: Bool = true, _ body: (WriteAccess) throws -> Result
    ) throws -> Result {
        try Catalogue.mappedAny(path) {
            let result = try writerLock().locked {
                try pool.writeWithoutTransaction { db in
                    try setSynced(isSynced, db)
                    return try disk.gate(.transaction(label)) { try transactionInAnyRoom(db, label, body) }
                }
            }
            // Who waits to write goes first. The commit is durable: that its log cannot be moved now, for want of room,
            // does not undo it.
            try? checkpointIfLarge()
            return result
        }
    }

    /// Has the connection of all writes sync its commits, or not.
    private func setSynced(_ isSynced: Bool, _ db: Database) throws {
        guard isSynced == isUnsynced.load(ordering: .relaxed) else { return }
        try db.execute(sql: "PRAGMA synchronous = \(isSynced ? "FULL" : "NORMAL")")
        isUnsynced.store(!isSynced, ordering: .relaxed)
    }

    /// On a full disk the log cannot grow; once it is moved into the database, it begins anew in the room that it has.
    private func transactionInAnyRoom<Result>(
        _ db: Database, _ label: String, _ body: (WriteAccess) throws -> Result
    ) throws -> Result {
        do {
            return try transaction(db, label, body)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            _ = try db.checkpoint(.passive)
            return try transaction(db, label, body)
        }
    }

    private func transaction<Result>(
        _ db: Database, _ label: String, _ body: (WriteAccess) throws -> Result
    ) throws -> Result {
        try db.beginTransaction(.immediate)
        do {
            let before = db.totalChangesCount
            let result = try body(WriteAccess(db: db))
            let rows = db.totalChangesCount - before
            guard rows <= Self.rowsPerTransactionMax else {
                throw CatalogueError(
                    .tooManyRows, "The transaction \(label) touched \(rows) rows: report this mistake.")
            }
            try db.commit()
            largest.max(rows, ordering: .relaxed)
            return result
        } catch {
            // A commit that failed may have rolled back by itself.
            try? db.rollback()
            throw error
        }
    }

    /// Rows of the largest write transaction since the last call, for benchmarks.
    package func takeLargestTransaction() -> Int {
        largest.exchange(0, ordering: .relaxed)
    }

    private func checkpointIfLarge() throws {
        func isLarge() -> Bool {
            guard let size = try? Kernel.fileSize(path + "-wal") else { return false }
            return size > Self.checkpointBytes
        }
        // Whoever was faster has done it.
        if isLarge() { try moveLog(.passive, if: isLarge) }
    }

    /// Moves the log in this thread's turn, if there is a need by then.
    private func moveLog(_ mode: Database.CheckpointMode, if isNeeded: () -> Bool = { true }) throws {
        try writerLock().locked {
            guard isNeeded() else { return }
            try pool.writeWithoutTransaction { db in _ = try db.checkpoint(mode) }
        }
    }

    /// Moves the whole write-ahead log into the database and empties it. Waits for no reader: what they pin stays.
    package func checkpoint() throws {
        try Catalogue.mappedAny(path) {
            try moveLog(.passive)
        }
    }

    /// Moves the whole log into the database and empties it, so that the file alone is the catalogue.
    ///
    /// - Throws: ``CatalogueError/Code/busy`` when others use it.
    package func finishLog() throws {
        try Catalogue.mappedAny(path) {
            try moveLog(.truncate)
        }
    }

    /// Writes a consistent copy of the catalogue to `destination`, which must not exist or be empty. Not synced.
    ///
    /// Over a connection of its own: a write of this process would wait for the copy while it holds the lock of all
    /// writers.
    package func copy(to destination: String) throws {
        try Catalogue.mappedAny(path) {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(10)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "VACUUM INTO ?", arguments: [destination])
            }
        }
    }

    /// Calls `body` on a copy that ``copy(to:)`` has made, and that nobody writes to.
    package static func read<Result>(copy path: String, _ body: (ReadAccess) throws -> Result) throws -> Result {
        try mappedAny(path) {
            var configuration = Configuration()
            configuration.readonly = true
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            defer { try? queue.close() }
            return try queue.read { try body(ReadAccess(db: $0)) }
        }
    }

    /// Whether a copy of a catalogue is whole, as far as SQLite can tell. Reads all of it.
    package static func isSound(copy path: String) -> Bool {
        var configuration = Configuration()
        configuration.readonly = true
        guard let queue = try? DatabaseQueue(path: path, configuration: configuration) else { return false }
        defer { try? queue.close() }
        return (try? queue.read { try String.fetchAll($0, sql: "PRAGMA integrity_check(1)") }) == ["ok"]
    }

    /// What SQLite thinks of its own file: `ok`, or sentences. Costs a read of the whole file.
    package func integrityProblems() throws -> [String] {
        try Catalogue.mappedAny(path) {
            try pool.read { db in
                try String.fetchAll(db, sql: "PRAGMA integrity_check(100)").filter { $0 != "ok" }
            }
        }
    }

    /// Tables and indexes that are not defined as this version defines them: a letter of a name may have become another,
    /// which SQLite takes for another name.
    package func foreignDefinitions() throws -> [String] {
        try Catalogue.mappedAny(path) {
            let (own, found) = (try Schema.definitions(), try pool.read { try Schema.definitions(in: $0) })
            return Set(own.keys).union(found.keys).filter { own[$0] != found[$0] }.sorted()
        }
    }

    /// A connection for the question whether objects are held, many times.
    package func makeHeldLookup() throws -> HeldLookup {
        try Catalogue.mappedAny(path) { try HeldLookup(path: path) }
    }

    /// Value of a pragma of the writing connection, for tests and the doctor.
    package func pragma(_ name: String) throws -> Int64? {
        try Catalogue.mappedAny(path) {
            try pool.writeWithoutTransaction { try Int64.fetchOne($0, sql: "PRAGMA \(name)") }
        }
    }

    /// Closes every connection. Nothing may use the catalogue afterwards.
    package func close() {
        lookups.close()
        try? pool.close()
    }
}

extension Catalogue {
    static func mapped<Result>(_ path: String, _ body: () throws -> Result) throws(CatalogueError) -> Result {
        do {
            return try body()
        } catch let error as CatalogueError {
            throw error
        } catch let error as DatabaseError {
            throw CatalogueError(error, path: path)
        } catch let error as RowDecodingError {
            throw CatalogueError(error, path: path)
        } catch let error as IOError where error.isOutOfSpace {
            throw CatalogueError(.outOfSpace, "There is no room on the disk for the catalogue \(path). \(error)")
        } catch {
            throw CatalogueError(.io, "The catalogue \(path) cannot be opened: \(error)")
        }
    }

    static func mappedAny<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw CatalogueError(error, path: path)
        } catch let error as RowDecodingError {
            throw CatalogueError(error, path: path)
        }
    }
}

extension CatalogueError {
    init(_ error: DatabaseError, path: String) {
        // The index of the write-ahead log is a file that takes room, too.
        let isFull = error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
        switch isFull ? .SQLITE_FULL : error.resultCode {
        case .SQLITE_FULL:
            self.init(.outOfSpace, "There is no room on the disk for the catalogue \(path): free some, then try again.")
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.busy, "The catalogue \(path) is in use by another process: try again.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_MISMATCH, .SQLITE_CONSTRAINT:
            self.init(
                .corrupt, "The catalogue \(path) is damaged (\(error.message ?? "no detail")): run `snapstore fsck`.")
        default:
            self.init(.io, "The catalogue \(path) failed: \(error.message ?? "no detail") (\(error.resultCode)).")
        }
    }
    /// A value of another type than its column's: STRICT keeps these out, damage does not.
    init(_ error: RowDecodingError, path: String) {
        self.init(.corrupt, "The catalogue \(path) holds a value that cannot be: run `snapstore fsck`.")
    }
}
