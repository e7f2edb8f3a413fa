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

    /// Forgets the tasks that wait, and returns when none runs any more. Nothing may be submitted afterwards.
    package func stop() {
        shared.locked {
            shared.queue = []
            while shared.running > 0 { shared.waitForChange() }
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

extension WorkerPool {
    /// Runs `body` for 0 ..< `count`, the first on the calling thread, and returns when all have ended.
    package func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
        let left = Countdown(max(0, count - 1))
        for number in 1..<max(1, count) {
            try submit {
                body(number)
                left.count.subtract(1, ordering: .releasing)
            }
        }
        if count > 0 { body(0) }
        try wait { left.count.load(ordering: .acquiring) == 0 }
    }

    private final class Countdown: Sendable {
        let count: Atomic<Int>

        init(_ count: Int) {
            self.count = Atomic(count)
        }
    }
}

/// A pool whose threads are started when they are first needed.
package final class LazyWorkers: Sendable {
    private let threads: Int
    private let pool = Mutex<WorkerPool?>(nil)

    /// - Parameter threads: Besides the calling one.
    package init(threads: Int) {
        self.threads = threads
    }

    /// As ``WorkerPool/concurrently(_:_:)``.
    package func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
        let started = try pool.withLock { pool in
            if let pool { return pool }
            let made = try WorkerPool(threads: threads, queueMax: 2 * threads)
            pool = made
            return made
        }
        try started.concurrently(count, body)
    }
}
