internal import GRDB

extension ReadAccess {
    /// Answers all that `body` asks as of one moment: SQLite takes and gives back its locks once, which costs more than an
    /// answer. Keep it short, as a transaction that stays pins the write-ahead log.
    package func together<Result>(_ body: () throws -> Result) throws -> Result {
        guard !db.isInsideTransaction else { return try body() }
        try db.beginTransaction(.deferred)
        do {
            let result = try body()
            try db.commit()
            return result
        } catch {
            try? db.rollback()
            throw error
        }
    }
}
