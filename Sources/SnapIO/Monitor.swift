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
        pthread_cond_init(&changed, nil)
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
