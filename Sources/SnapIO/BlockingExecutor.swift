/// Carries blocking calls from async code to threads of our own: a call that waits for a disk on the cooperative pool
/// delays every task of the process.
package final class BlockingExecutor: Sendable {
    private let pool: WorkerPool

    /// - Parameters:
    ///   - threads: Calls that may block at once.
    ///   - queueMax: Calls that may wait for a thread before submitting waits too.
    package init(threads: Int = 8, queueMax: Int = 1024) throws(IOError) {
        pool = try WorkerPool(threads: threads, queueMax: queueMax)
    }

    /// Runs `body` on a thread of the pool.
    package func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try pool.submit { continuation.resume(with: Result { try body() }) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
