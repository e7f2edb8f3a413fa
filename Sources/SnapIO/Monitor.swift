internal import Glibc

/// A value that threads share and whose changes they wait for: a mutex with a condition, which Swift's has not (Hoare,
/// "Monitors: an operating system structuring concept", 1974).
package final class Monitor<State>: @unchecked Sendable {
    // All guarded by `mutex`.
    private var mutex = pthread_mutex_t()
    private var changed = pthread_cond_t()
    private var state: State

    package init(_ state: sending State) {
        self.state = state
        pthread_mutex_init(&mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(&changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(&changed)
        pthread_mutex_destroy(&mutex)
    }

    package func withLock<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        return try body(&state)
    }

    /// As ``withLock(_:)``, and wakes those who wait.
    package func change<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(&mutex)
        defer {
            pthread_cond_broadcast(&changed)
            pthread_mutex_unlock(&mutex)
        }
        return try body(&state)
    }

    /// Wakes those who wait, after a ``withLock(_:)`` that changed what they wait for.
    package func wake() { change { _ in } }

    /// As ``wait(for:)``, or nil once so much time has passed.
    package func wait<Result>(nanoseconds: Int64, for body: (inout State) throws -> Result?) rethrows -> Result? {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let (seconds, rest) = (Int64(end.tv_nsec) + max(0, nanoseconds)).quotientAndRemainder(dividingBy: 1_000_000_000)
        end.tv_sec += Int(seconds)
        end.tv_nsec = Int(rest)
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        while true {
            if let result = try body(&state) { return result }
            if pthread_cond_timedwait(&changed, &mutex, &end) == ETIMEDOUT { return try body(&state) }
        }
    }

    /// What `body` returns, which is asked again after every ``change(_:)`` while that is nil.
    package func wait<Result>(for body: (inout State) throws -> Result?) rethrows -> Result {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        while true {
            if let result = try body(&state) { return result }
            pthread_cond_wait(&changed, &mutex)
        }
    }
}
