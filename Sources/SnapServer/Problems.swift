import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import SnapCore
import SnapModel
import SnapTransfer

extension StoreError.Code {
    /// A path that there is no route for.
    static let noRoute = StoreError.Code(rawValue: "no_route")
    /// A body that is longer than it may be.
    static let tooLarge = StoreError.Code(rawValue: "too_large")

    /// What HTTP says to it (`docs/http.md`).
    var status: HTTPResponse.Status {
        switch self {
        case .invalid: .badRequest
        case .unauthorized: .unauthorized
        case .notAllowed, .quotaExceeded: .forbidden
        case .notFound, .noRoute: .notFound
        case .incomplete: .conflict
        case .preconditionFailed: .preconditionFailed
        case .tooLarge: .contentTooLarge
        case .rateLimited: .tooManyRequests
        case .busy, .interrupted: .serviceUnavailable
        case .outOfSpace: .init(code: 507, reasonPhrase: "Insufficient Storage")
        default: .internalServerError
        }
    }
}

extension StoreError {
    /// - Throws: ``StoreError/Code/invalid`` for a name or a tag that a snapshot cannot have.
    static func checkName(_ name: String, tag: String?) throws(StoreError) {
        guard SnapshotName.isValid(name), tag.map(SnapshotName.isValidTag) ?? true else {
            throw StoreError(.invalid, "The name or the tag is none.", hint: "Names: a-z, 0-9, and . _ - between them.")
        }
    }
}

/// Turns every error into a problem (RFC 9457), and writes a line in the log for every request.
struct ProblemMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            let problem = Self.storeError(error, request)
            if problem.code.status.kind == .serverError {
                context.logger.error("failed", metadata: ["problem": .string("\(error)")])
            }
            response = try Self.response(problem, context)
            if let refused = error as? TooManyFailures {
                response.headers[.retryAfter] = "\(refused.retryAfterSeconds)"
            }
        }
        if let name = HTTPField.Name("X-Request-Id") { response.headers[name] = context.requestID }
        // Paths hold names and ids, never secrets: those come in a header. Who sends what is none may send anything.
        context.logger.info(
            "request",
            metadata: [
                "method": .string(Self.printable(request.method.rawValue)),
                "path": .string(Self.printable(request.uri.path)),
                "status": .stringConvertible(response.status.code),
                "subject": .string(context.findings.bearer.map { escaped(Array($0.subject.utf8)) } ?? "-"),
            ])
        return response
    }

    private static func printable(_ text: String) -> String { escaped(Array(text.utf8.prefix(500))) }

    private static func storeError(_ error: any Error, _ request: Request) -> StoreError {
        if let refused = error as? TooManyFailures { return refused.storeError }
        guard let error = error as? any HTTPResponseError else {
            let mapped = StoreError(mapping: error)
            // What the store has to say of its own files is for its operator.
            guard mapped.code.status.kind == .serverError, mapped.code != .outOfSpace, mapped.code != .busy else {
                return mapped
            }
            return StoreError(
                mapped.code, "The server met a failure of its own.",
                hint: "Its operator finds it in the log, by the id.")
        }
        switch error.status {
        case .notFound: return StoreError(.noRoute, "There is no such path.", hint: "See GET /openapi.json.")
        case .contentTooLarge: return StoreError(.tooLarge, "The body is longer than it may be.")
        default: return StoreError(.invalid, "The request cannot be read.", hint: "See GET /openapi.json.")
        }
    }

    private static func response(_ error: StoreError, _ context: ServiceContext) throws -> Response {
        let status = error.code.status
        let problem = ProblemMessage(
            error, status: status.code, title: status.reasonPhrase, requestID: context.requestID)
        var response = try Response.json(problem, status: status)
        response.headers[.contentType] = "application/problem+json"
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension Response {
    /// A value as JSON.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes = try encoder.encode(value)
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Bytes as they are.
    static func bytes(_ bytes: [UInt8]) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/octet-stream"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension Request {
    /// The whole body, of at most so many bytes.
    func bytes(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in body {
            guard bytes.count + piece.readableBytes <= limit else {
                throw StoreError(.tooLarge, "The body has over \(limit) bytes.")
            }
            bytes.append(contentsOf: piece.readableBytesView)
        }
        return bytes
    }

    /// The body as JSON.
    func message<Message: Decodable>(_ type: Message.Type) async throws -> Message {
        let bytes = try await bytes(limit: 1 << 20)
        guard let message = try? JSONDecoder().decode(type, from: Data(bytes)) else {
            throw StoreError(
                .invalid, "The body is not the JSON that is expected here.", hint: "See GET /openapi.json.")
        }
        return message
    }
}
