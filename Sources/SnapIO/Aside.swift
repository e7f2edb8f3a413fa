internal import Synchronization

/// A value that is worked out on a thread of its own, while whoever will need it does something else.
package final class Aside<Value: Sendable>: Sendable {
    private let body: @Sendable () throws -> Value
    private let result = Mutex<Result<Value, any Error>?>(nil)
    /// Nil where the kernel gives no thread.
    private let pool: WorkerPool?

    /// Starts `body`.
    package init(_ body: @escaping @Sendable () throws -> Value) {
        self.body = body
        pool = try? WorkerPool(threads: 1, queueMax: 1)
        try? pool?.submit { [self] in _ = outcome() }
    }

    /// What `body` returns or throws, once it has; where no thread could be had, on the calling one.
    package func value() throws -> Value {
        try? pool?.wait()
        return try outcome().get()
    }

    private func outcome() -> Result<Value, any Error> {
        if let known = result.withLock({ $0 }) { return known }
        let made = Result { try body() }
        result.withLock { $0 = made }
        return made
    }
}
