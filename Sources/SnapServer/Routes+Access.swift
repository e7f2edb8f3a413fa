import Hummingbird
import SnapCore
import SnapIO
import SnapModel
import SnapTransfer

// Organisations, tokens, and what was done.

extension Service {
    func addAccessRoutes(_ api: RouterGroup<ServiceContext>) {
        api.post("/orgs", use: createOrg)
        api.get("/tokens", use: tokens)
        api.post("/tokens", use: createToken)
        api.delete("/tokens/{token}", use: revokeToken)
        api.get("/events", use: events)
    }

    @Sendable private func createOrg(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let author = context.author(try context.bearer(.adminStore))
        let message = try await request.message(OrganizationMessage.self)
        try await executor.run { [store] in try store.createOrg(message.org, by: author) }
        return try .json(message, status: .created)
    }

    @Sendable private func tokens(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.adminOrganization)
        return try .json(TokenListMessage(try await executor.run { [store] in try store.tokens(org: bearer.org) }))
    }

    /// A token allows no more than the one that makes it.
    @Sendable private func createToken(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.adminOrganization)
        let message = try await request.message(NewTokenMessage.self)
        let scopes = try Self.scopes(message.scopes)
        if let more = scopes.subtracting(bearer.scopes).min() {
            throw StoreError(.notAllowed, "The token that asks does not have the scope \(more.rawValue) itself.")
        }
        let author = context.author(bearer)
        let made = try await executor.run { [store] in
            try store.createToken(
                org: bearer.org, subject: message.subject, scopes: scopes,
                expiresMilliseconds: message.expiresMilliseconds, by: author)
        }
        return try .json(TokenMessage(made.record, token: made.token), status: .created)
    }

    private static func scopes(_ words: [String]) throws(StoreError) -> Set<AccessScope> {
        do throws(FormatError) {
            return try AccessScope.parse(words.joined(separator: ","))
        } catch {
            throw StoreError(.invalid, error.message)
        }
    }

    @Sendable private func revokeToken(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.adminOrganization)
        let id = context.parameters.get("token") ?? ""
        let author = context.author(bearer)
        try await executor.run { [store] in try store.revokeToken(id, org: bearer.org, by: author) }
        return Response(status: .noContent)
    }

    /// Events behind `cursor`, in order, up to a thousand.
    @Sendable private func events(_ request: Request, _ context: ServiceContext) async throws -> Response {
        let bearer = try context.bearer(.adminOrganization)
        let text = request.uri.queryParameters["cursor"].map(String.init)
        guard let cursor = text.map({ Int64($0) }) ?? 0, cursor >= 0 else {
            throw StoreError(.invalid, "The cursor is none.", hint: "Give the one of the answer before, or none.")
        }
        let events = try await executor.run { [store] in
            try store.events(org: bearer.org, after: cursor, limit: Self.eventsMax)
        }
        return try .json(EventListMessage(events, after: cursor))
    }

    private static let eventsMax = 1000
}
