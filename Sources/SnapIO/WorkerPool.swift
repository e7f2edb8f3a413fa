internal import Glibc
internal import Synchronization

/// Threads of our own with a bounded queue: for blocking and for long work, which the cooperative pool must never do.
///
/// ``submit(_:)`` waits while the queue is full, so a fast producer cannot fill the memory. The first error stops
/// nothing by itself: it is thrown by the next ``submit(_:)`` or by ``wait()``.
package final class WorkerPool: Sendable {
    private final class Shared: @unchecked Sendable {
        // Guarded by `mutex`; pthread primitives because a Swift Mutex has no condition to wait for. A condition for each
        // kind of waiting, and none is announced to nobody: threads that wake each other for nothing cost more than
        // small tasks do.
        private var mutex = pthread_mutex_t()
        private var workCame = pthread_cond_t()
        private var roomCame = pthread_cond_t()
        private var taskEnded = pthread_cond_t()
        private var queue: [() throws -> Void] = []
        private let queueMax: Int
        private var running = 0
        private var isClosed = false
        private var failure: (any Error)?
        /// Threads that wait for each of the three.
        private var idle = 0
        private var submitting = 0
        private var watching = 0

        init(queueMax: Int) {
            self.queueMax = queueMax
            pthread_mutex_init(&mutex, nil)
            pthread_cond_init(&workCame, nil)
            pthread_cond_init(&roomCame, nil)
            pthread_cond_init(&taskEnded, nil)
        }

        deinit {
            pthread_cond_destroy(&taskEnded)
            pthread_cond_destroy(&roomCame)
            pthread_cond_destroy(&workCame)
            pthread_mutex_destroy(&mutex)
        }

        private func locked<Result>(_ body: () throws -> Result) rethrows -> Result {
            pthread_mutex_lock(&mutex)
            defer { pthread_mutex_unlock(&mutex) }
            return try body()
        }

        func work() {
            while let task = next() {
                var thrown: (any Error)?
                do { try task() } catch { thrown = error }
                locked {
                    running -= 1
                    if failure == nil, let thrown {
                        failure = thrown
                        if submitting > 0 { pthread_cond_broadcast(&roomCame) }
                    }
                    if watching > 0 { pthread_cond_broadcast(&taskEnded) }
                }
            }
        }

        private func next() -> (() throws -> Void)? {
            locked {
                while queue.isEmpty, !isClosed {
                    idle += 1
                    pthread_cond_wait(&workCame, &mutex)
                    idle -= 1
                }
                guard !queue.isEmpty else { return nil }
                running += 1
                let task = queue.removeFirst()
                if submitting > 0 { pthread_cond_signal(&roomCame) }
                return task
            }
        }

        func submit(_ task: @escaping @Sendable () throws -> Void) throws {
            try locked {
                while queue.count >= queueMax, failure == nil {
                    submitting += 1
                    pthread_cond_wait(&roomCame, &mutex)
                    submitting -= 1
                }
                if let failure { throw failure }
                queue.append(task)
                if idle > 0 { pthread_cond_signal(&workCame) }
            }
        }

        /// Waits until `isDone`, or for a failure unless all is to end.
        func watch(throughFailures: Bool = false, until isDone: (_ isIdle: Bool) -> Bool) throws {
            try locked {
                while !isDone(queue.isEmpty && running == 0) {
                    if !throughFailures, let failure { throw failure }
                    watching += 1
                    pthread_cond_wait(&taskEnded, &mutex)
                    watching -= 1
                }
                if throughFailures, let failure { throw failure }
            }
        }

        func forgetQueue() {
            locked {
                queue = []
                pthread_cond_broadcast(&roomCame)
                while running > 0 {
                    watching += 1
                    pthread_cond_wait(&taskEnded, &mutex)
                    watching -= 1
                }
            }
        }

        func close() {
            locked {
                isClosed = true
                pthread_cond_broadcast(&workCame)
            }
        }
    }

    private let shared: Shared

    /// - Parameters:
    ///   - threads: At least 1.
    ///   - queueMax: Tasks that may wait, apart from those that run.
    /// - Throws: ``IOError`` when the kernel gives no thread.
    package init(threads: Int, queueMax: Int) throws(IOError) {
        shared = Shared(queueMax: max(1, queueMax))
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

    deinit { shared.close() }

    /// Queues a task, waiting for room.
    ///
    /// - Throws: The first error of a task before it.
    package func submit(_ task: @escaping @Sendable () throws -> Void) throws {
        try shared.submit(task)
    }

    /// Waits until `isDone`, which is asked again whenever a task has ended.
    ///
    /// - Throws: The first error of any task.
    package func wait(until isDone: () -> Bool) throws {
        try shared.watch { _ in isDone() }
    }

    /// Forgets the tasks that wait, and returns when none runs any more. Nothing may be submitted afterwards.
    package func stop() { shared.forgetQueue() }

    /// Waits until every task has ended.
    ///
    /// - Throws: The first error of any.
    package func wait() throws {
        try shared.watch(throughFailures: true) { $0 }
    }
}

extension WorkerPool {
    /// Runs `body` for 0 ..< `count`, the first on the calling thread, and returns when all have ended.
    package func concurrently(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
        let left = Countdown(max(0, count - 1))
        for number in 1..<max(1, count) {
            try submit {
                body(number)
                left.end()
            }
        }
        if count > 0 { body(0) }
        try wait { left.isOver }
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
