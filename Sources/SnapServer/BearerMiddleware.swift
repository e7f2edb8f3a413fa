import HTTPTypes
import Hummingbird
import SnapCore
import SnapIO
import SnapModel

/// Finds out who sends a request, by the token in its `Authorization`.
struct BearerMiddleware: RouterMiddleware {
    let store: Store
    let executor: BlockingExecutor

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        guard let token = Self.token(request.headers) else { throw ServiceContext.unauthorized }
        // Asked each time: a token that another process revokes is worth nothing at once.
        let bearer = try await executor.run { [store] in try store.bearer(of: token) }
        guard let bearer else { throw ServiceContext.unauthorized }
        var context = context
        context.bearer = bearer
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
