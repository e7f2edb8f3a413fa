internal import GRDB
internal import Synchronization

/// Connections for look-ups, each of one thread at a time; those of threads that ask no more are for the next ones.
final class LookupPool: Sendable {
    /// Used by one thread at a time: the one that has taken it out.
    private struct Connection: @unchecked Sendable {
        let queue: DatabaseQueue
    }

    private let path: String
    /// Nil when closed.
    private let free = Mutex<[Connection]?>([])

    init(path: String) {
        self.path = path
    }

    func read<Result>(_ body: (ReadAccess) throws -> Result) throws -> Result {
        let connection = try free.withLock { $0?.popLast() } ?? open()
        let result = try connection.queue.unsafeRead { try body(ReadAccess(db: $0)) }
        free.withLock { $0?.append(connection) }
        return result
    }

    /// Closes those that nobody uses; the others are closed when they are no longer used.
    func close() {
        free.withLock { $0 = nil }
    }

    private func open() throws -> Connection {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { db in try db.execute(sql: Catalogue.cachePragma) }
        return Connection(queue: try DatabaseQueue(path: path, configuration: configuration))
    }
}
