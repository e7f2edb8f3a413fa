internal import Glibc
internal import Synchronization

/// Threads of our own with a bounded queue: for blocking and for long work, which the cooperative pool must never do.
///
/// ``submit(_:)`` waits while the queue is full, so a fast producer cannot fill the memory. The first error stops
/// nothing by itself: it is thrown by the next ``submit(_:)`` or by ``wait()``.
package final class WorkerPool: Sendable {
    private final class Shared: @unchecked Sendable {
        // Guarded by `mutex`; pthread primitives because a Swift Mutex has no condition to wait for.
        var mutex = pthread_mutex_t()
        var changed = pthread_cond_t()
        var queue: [() throws -> Void] = []
        var running = 0
        var isClosed = false
        var failure: (any Error)?

        init() {
            pthread_mutex_init(&mutex, nil)
            pthread_cond_init(&changed, nil)
        }

        deinit {
            pthread_cond_destroy(&changed)
            pthread_mutex_destroy(&mutex)
        }

        func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
            pthread_mutex_lock(&mutex)
            defer { pthread_mutex_unlock(&mutex) }
            return try body()
        }

        /// Calls take and give up `mutex`, which must be held.
        func waitForChange() { pthread_cond_wait(&changed, &mutex) }
        func announceChange() { pthread_cond_broadcast(&changed) }

        func work() {
            while let task = next() {
                var thrown: (any Error)?
                do { try task() } catch { thrown = error }
                locked {
                    running -= 1
                    if failure == nil { failure = thrown }
                    announceChange()
                }
            }
        }

        private func next() -> (() throws -> Void)? {
            locked {
                while queue.isEmpty, !isClosed { waitForChange() }
                guard !queue.isEmpty else { return nil }
                running += 1
                announceChange()
                return queue.removeFirst()
            }
        }
    }

    private let shared = Shared()
    private let queueMax: Int

    /// - Parameters:
    ///   - threads: At least 1.
    ///   - queueMax: Tasks that may wait, apart from those that run.
    /// - Throws: ``IOError`` when the kernel gives no thread.
    package init(threads: Int, queueMax: Int) throws(IOError) {
        self.queueMax = max(1, queueMax)
        for _ in 0..<max(1, threads) {
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(shared)
            let code = pthread_create(
                &thread, nil,
                { pointer in
                    guard let pointer else { return nil }
                    Unmanaged<Shared>.fromOpaque(pointer).takeRetainedValue().work()
                    return nil
                }, argument.toOpaque())
            guard code == 0 else {
                argument.release()
                throw IOError(errno: code, operation: "start a thread", path: "")
            }
            pthread_detach(thread)
        }
    }

    deinit {
        shared.locked {
            shared.isClosed = true
            shared.announceChange()
        }
    }

    /// Queues a task, waiting for room.
    ///
    /// - Throws: The first error of a task before it.
    package func submit(_ task: @escaping @Sendable () throws -> Void) throws {
        try shared.locked {
            while shared.queue.count >= queueMax, shared.failure == nil { shared.waitForChange() }
            if let failure = shared.failure { throw failure }
            shared.queue.append(task)
            shared.announceChange()
        }
    }

    /// Waits until `isDone`, which is asked again whenever a task has ended.
    ///
    /// - Throws: The first error of any task.
    package func wait(until isDone: () -> Bool) throws {
        try shared.locked {
            while !isDone() {
                if let failure = shared.failure { throw failure }
                shared.waitForChange()
            }
        }
    }

    /// Waits until every task has ended.
    ///
    /// - Throws: The first error of any.
    package func wait() throws {
        try shared.locked {
            while !shared.queue.isEmpty || shared.running > 0 { shared.waitForChange() }
            if let failure = shared.failure { throw failure }
        }
    }
}
