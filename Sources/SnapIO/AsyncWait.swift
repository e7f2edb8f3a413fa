/// Where code that may wait calls code that suspends.
package enum AsyncWait {
    /// Runs `body` as a task, and waits for it. Never on a thread of the cooperative pool, which might be the last.
    package static func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let result = Monitor<Result<Value, any Error>?>(nil)
        Task {
            let ended: Result<Value, any Error>
            do { ended = .success(try await body()) } catch { ended = .failure(error) }
            result.change { $0 = ended }
        }
        return try result.wait { $0 }.get()
    }
}
