import HTTPTypes
import Hummingbird
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer
import Synchronization

/// Finds out who sends a request, by the token in its `Authorization`, and refuses who has sent too many that are worth
/// nothing.
final class BearerMiddleware: RouterMiddleware {
    private let store: Store
    private let executor: BlockingExecutor
    private let failures: Mutex<FailedTokens>

    init(store: Store, executor: BlockingExecutor, failuresMax: Int) {
        (self.store, self.executor) = (store, executor)
        failures = Mutex(FailedTokens(burst: failuresMax))
    }

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        let token = Self.token(request.headers)
        let digest = try token?.digest()
        let now = Kernel.bootNanoseconds() / 1_000_000
        let admission = failures.withLock { $0.admit(context.address, digest, at: now) }
        if case .refused(let seconds) = admission { throw TooManyFailures(retryAfterSeconds: seconds) }
        guard let token, let digest else { throw ServiceContext.unauthorized }
        // Asked each time: a token that another process revokes is worth nothing at once.
        let bearer = try await executor.run { [store] in try store.bearer(of: token) }
        failures.withLock { $0.settle(admission, digest, isValid: bearer != nil) }
        guard let bearer else { throw ServiceContext.unauthorized }
        context.findings.bearer = bearer
        return try await next(request, context)
    }

    private static func token(_ headers: HTTPFields) -> AccessToken? {
        let fields = headers[values: .authorization]
        guard fields.count == 1, let field = fields.first else { return nil }
        let words = field.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return try? AccessToken(String(words[1]))
    }
}

/// An answer of its own: it says when to come again.
struct TooManyFailures: Error {
    let retryAfterSeconds: Int64

    var storeError: StoreError {
        StoreError(
            .rateLimited, "Too many tokens that are worth nothing came from this address.",
            hint: "Wait for \(retryAfterSeconds) s, and send one that `snapstore token create` made.")
    }
}
