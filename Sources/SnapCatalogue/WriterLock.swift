internal import SnapIO

/// The lock of all writers of a catalogue, in this and every other process.
///
/// Two files: a writer passes the *turnstile*, then takes the lock, then leaves the turnstile. A loop of batches that
/// releases the lock and wants it again must pass the turnstile anew, behind whoever waits there, so it starves nobody.
final class WriterLock: Sendable {
    private let turnstile: FileLock
    private let lock: FileLock
    private let deadlineSeconds: Double

    init(directory: String, deadlineSeconds: Double) throws {
        turnstile = try FileLock(path: directory + "/catalog.turnstile")
        lock = try FileLock(path: directory + "/catalog.lock")
        self.deadlineSeconds = deadlineSeconds
    }

    /// Calls `body` while this thread alone, of all processes, may write.
    func locked<Result>(_ body: () throws -> Result) throws -> Result {
        try take()
        defer { lock.unlock() }
        return try body()
    }

    private func take() throws {
        do {
            try turnstile.lock(deadlineSeconds: deadlineSeconds)
            let outcome = Result { try lock.lock(deadlineSeconds: deadlineSeconds) }
            turnstile.unlock()
            try outcome.get()
        } catch {
            guard let failure = error as? IOError, failure.isTimeout else { throw error }
            throw CatalogueError(
                .busy, "Another process has been writing to the store for \(Int(deadlineSeconds)) s: try again.")
        }
    }
}
