internal import CSnapSQLite
internal import GRDB
internal import SnapDigest
internal import SnapModel

/// A statement about objects, bound and stepped by SQLite's own calls.
///
/// For each question GRDB makes an array of boxed arguments, a `Data` and a `Row`, which takes several times as long as
/// SQLite takes to answer; jobs ask once a chunk, and checks go through all of them. The statement is one of the
/// connection's cache, so GRDB still compiles and closes it. Use it at once: another of the same SQL is the same.
struct PointStatement {
    private let db: Database
    private let handle: OpaquePointer
    private var bound: Int32 = 0
    /// SQLITE_TRANSIENT, a macro that Swift does not see: SQLite copies the bytes.
    private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

    /// - Parameter sql: With `?` for each value, bound in the order of the calls.
    init(_ db: Database, _ sql: String) throws {
        self.db = db
        handle = try db.cachedStatement(sql: sql).sqliteStatement
    }

    mutating func bind(_ value: Int64) {
        bound += 1
        sqlite3_bind_int64(handle, bound, value)
    }

    mutating func bind(_ value: Int64?) {
        guard let value else {
            bound += 1
            sqlite3_bind_null(handle, bound)
            return
        }
        bind(value)
    }

    mutating func bind(_ text: String) {
        bound += 1
        var text = text
        text.withUTF8 { bytes in
            _ = bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(handle, bound, $0.baseAddress, Int32(clamping: $0.count), Self.copied)
            }
        }
    }

    /// The three columns that name an object of a scope.
    mutating func bind(_ key: ObjectKey, scope: ScopeID) {
        bind(scope.rawValue)
        bind(Int64(key.kind.rawValue))
        bind(key.digest)
    }

    /// No bytes at all come before every digest.
    mutating func bind(orEmpty digest: Digest?) {
        if let digest { return bind(digest) }
        bound += 1
        sqlite3_bind_zeroblob(handle, bound, 0)
    }

    mutating func bind(_ digest: Digest) {
        bound += 1
        digest.withBytes { bytes in
            _ = sqlite3_bind_blob(handle, bound, bytes.baseAddress, Int32(bytes.count), Self.copied)
        }
    }

    /// Runs the statement for its effect. Returns how many rows it changed.
    @discardableResult
    mutating func run() throws -> Int {
        try first { _ in }
        return Int(sqlite3_changes(db.sqliteConnection))
    }

    /// What `body` makes of the first row; nil where there is none. Other values can be bound then.
    @discardableResult
    mutating func first<Result>(_ body: (Columns) throws -> Result) throws -> Result? {
        defer {
            sqlite3_reset(handle)
            bound = 0
        }
        return try step() ? body(Columns(handle: handle)) : nil
    }

    /// What `body` makes of each row.
    func all<Result>(_ body: (Columns) throws -> Result) throws -> [Result] {
        defer { sqlite3_reset(handle) }
        var results: [Result] = []
        while try step() { results.append(try body(Columns(handle: handle))) }
        return results
    }

    private func step() throws -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            throw DatabaseError(
                resultCode: ResultCode(rawValue: code),
                message: String(cString: sqlite3_errmsg(db.sqliteConnection)))
        }
    }

    /// The values of a row. In a damaged file `STRICT` holds no type off, and damage must be an error.
    struct Columns {
        fileprivate let handle: OpaquePointer

        func integer(_ column: Int32, _ name: String) throws -> Int64 {
            guard sqlite3_column_type(handle, column) == SQLITE_INTEGER else { throw damagedColumn(name) }
            return sqlite3_column_int64(handle, column)
        }

        func optional(_ column: Int32, _ name: String) throws -> Int64? {
            try sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : integer(column, name)
        }

        func digest(_ column: Int32, _ name: String) throws -> Digest {
            guard sqlite3_column_type(handle, column) == SQLITE_BLOB else { throw damagedColumn(name) }
            let bytes = UnsafeRawBufferPointer(
                start: sqlite3_column_blob(handle, column), count: Int(sqlite3_column_bytes(handle, column)))
            guard let digest = Digest(bytes: bytes) else { throw damagedColumn(name) }
            return digest
        }

        /// The kind and the digest of an object, which come first.
        func key() throws -> ObjectKey {
            guard let kind = UInt8(exactly: try integer(0, "kind")).flatMap({ ObjectKind(rawValue: $0) }) else {
                throw damagedColumn("kind")
            }
            return ObjectKey(kind, try digest(1, "digest"))
        }

        /// See `Row.amount`.
        func amount(_ column: Int32, _ name: String) throws -> Int64 {
            let value = try integer(column, name)
            guard Row.amounts.contains(value) else { throw damagedColumn(name) }
            return value
        }
    }
}
