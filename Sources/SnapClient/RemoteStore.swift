import AsyncHTTPClient
import FoundationEssentials
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOSSL
package import SnapCore
package import SnapModel
import SnapIO
package import SnapTransfer
import Synchronization

extension StoreError.Code {
    /// A server does not answer, or was cut off while it did.
    package static let unreachable = StoreError.Code(rawValue: "unreachable")
}

/// A server of snapshots, as one organisation's token sees it.
///
/// Every answer is of bounded length and has a deadline; redirections are not followed. Errors are ``StoreError``, those of
/// the server as it said them.
package final class RemoteStore: Sendable {
    /// `http://HOST:PORT`, without a slash at the end.
    package let url: String
    private let token: AccessToken
    private let client: HTTPClient
    private let counts = Mutex(Traffic())

    /// What has gone over the network: bodies, in bytes.
    package struct Traffic: Sendable, Hashable {
        package fileprivate(set) var requests: Int64 = 0
        package fileprivate(set) var sentBytes: Int64 = 0
        package fileprivate(set) var receivedBytes: Int64 = 0
    }

    package var traffic: Traffic { counts.withLock { $0 } }

    /// - Parameter authorities: A file in PEM with certificates that are trusted beside those that the system trusts.
    /// - Throws: ``StoreError/Code/invalid`` for what is no URL of a server, ``StoreError/Code/notAllowed`` for plain HTTP to
    ///   another machine: the token would cross the network in the clear.
    package init(url: String, token: AccessToken, authorities: String? = nil) throws(StoreError) {
        guard let match = Self.parts(of: url) else {
            throw StoreError(
                .invalid, "`\(escaped(Array(url.utf8.prefix(200))))` is no URL of a server.",
                hint: "For example http://127.0.0.1:7770.")
        }
        let text = String(match.output.0)
        guard match.output.1 == "https" || Loopback.isLoopback(match.output.2.filter { !"[]".contains($0) }) else {
            throw StoreError(
                .notAllowed,
                "\(text) is plain HTTP to another machine: the token would cross the network in the clear.",
                hint: "Use https://.")
        }
        self.url = text
        self.token = token
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(10)
        configuration.timeout.read = .seconds(120)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities { tls.additionalTrustRoots = [.file(authorities)] }
        configuration.tlsConfiguration = tls
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package static func isURL(_ text: String) -> Bool { parts(of: text) != nil }

    private static func parts(of url: String) -> Regex<(Substring, Substring, Substring, Substring?)>.Match? {
        var text = url[...]
        while text.hasSuffix("/") { text.removeLast() }
        return text.wholeMatch(of: /(https?):\/\/(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?/)
    }

    /// Must be called before the last reference goes.
    package func close() async { try? await client.shutdown() }

    // MARK: Snapshots

    /// - Parameter org: nil: that of the token; of another what is public.
    package func snapshots(org: String? = nil, name: String?, tag: String?, cursor: String? = nil) async throws
        -> SnapshotListMessage
    {
        let query = [("org", org), ("name", name), ("tag", tag), ("cursor", cursor)].compactMap { key, value in
            value.map { "\(key)=\($0)" }
        }
        return try await message(.GET, "/v1/snapshots" + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
    }

    package func snapshot(id: RecordID) async throws -> SnapshotMessage {
        try await message(.GET, "/v1/snapshots/\(id)")
    }

    /// Lets every organisation read a snapshot, or its own alone.
    package func share(_ visibility: SnapshotVisibility, id: String) async throws -> SnapshotMessage {
        // What is published may have to be copied.
        try await message(
            .PUT, "/v1/snapshots/\(id)/visibility", try JSONEncoder().encode(VisibilityMessage(visibility)),
            seconds: 3600)
    }

    /// Makes a copy in the organisation of the token.
    package func copy(_ id: String, _ copy: CopyMessage) async throws -> CommittedMessage {
        try await message(.POST, "/v1/snapshots/\(id)/copy", try JSONEncoder().encode(copy), seconds: 3600)
    }

    /// Some of the objects of a snapshot, as a bundle. Calls `body` with its bytes as they come, about a megabyte at a time.
    ///
    /// - Throws: ``StoreError/Code/unreachable`` when it was cut: what came before is of use.
    package func bundle(_ list: KeyList, of id: RecordID, _ body: ([UInt8]) async throws -> Void) async throws {
        let sent = list.encode()
        let request = request(.POST, "/v1/snapshots/\(id)/bundle", sent)
        try await attempt(request, sending: sent.count, seconds: 3600) { response in
            var bytes: [UInt8] = []
            for try await piece in response.body {
                bytes.append(contentsOf: piece.readableBytesView)
                counts.withLock { $0.receivedBytes += Int64(piece.readableBytes) }
                guard bytes.count >= 1 << 20 else { continue }
                try await body(bytes)
                bytes = []
            }
            try await body(bytes)
        }
    }

    // MARK: Pushes

    /// - Parameter key: The same each time that this push is opened: it goes on where it was cut then.
    package func openPush(_ push: OpenPushMessage, key: String) async throws -> OpenedPushMessage {
        try await message(.POST, "/v1/snapshots", try JSONEncoder().encode(push), headers: ["Idempotency-Key": key])
    }

    package func missing(_ list: KeyList, session: String) async throws -> MissingBits {
        let bytes = try await send(
            .POST, "/v1/sessions/\(session)/missing", list.encode(),
            limit: MissingBits.byteCount(of: KeyList.countMax))
        return try Self.checked { try MissingBits.decode(bytes, count: list.keys.count) }
    }

    package func putBundle(_ bytes: [UInt8], number: Int, session: String) async throws -> TakenBundleMessage {
        try await message(.PUT, "/v1/sessions/\(session)/bundles/\(number)", bytes)
    }

    package func commit(session: String) async throws -> CommittedMessage {
        // A large snapshot is counted meanwhile.
        try await message(.POST, "/v1/sessions/\(session)/commit", seconds: 3600)
    }

    package func endPush(session: String) async throws {
        _ = try await send(.DELETE, "/v1/sessions/\(session)", limit: 1 << 16)
    }

    // MARK: Requests

    private func message<Message: Decodable>(
        _ method: HTTPMethod, _ path: String, _ body: some Collection<UInt8> & Sendable = [UInt8](),
        seconds: Int64 = 600, headers: HTTPHeaders = [:]
    ) async throws -> Message {
        let bytes = try await send(method, path, body, limit: 16 << 20, seconds: seconds, headers: headers)
        return try Self.checked { try JSONDecoder().decode(Message.self, from: Data(bytes)) }
    }

    private static func checked<Value>(_ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            return try body()
        } catch {
            throw StoreError(
                .io, "The server's answer cannot be understood.",
                hint: "See whether it is a snapstore server, and which.")
        }
    }

    /// Waits before a request is sent again, in milliseconds: what was cut, or met a server that is busy. Every request may
    /// be: a second one finds done what the first has done.
    private static let pauses: [UInt64] = [100, 400, 1600]

    /// - Returns: The body of an answer that says success.
    private func send(
        _ method: HTTPMethod, _ path: String, _ body: some Collection<UInt8> & Sendable = [UInt8](), limit: Int,
        seconds: Int64 = 600, headers: HTTPHeaders = [:]
    ) async throws -> [UInt8] {
        let request = request(method, path, body, headers)
        func once() async throws -> [UInt8] {
            try await attempt(request, sending: body.count, seconds: seconds) { response in
                try await read(response, limit: limit)
            }
        }
        for pause in Self.pauses {
            do {
                return try await once()
            } catch let error as StoreError where error.code == .busy || error.code == .unreachable {
                try await Task.sleep(nanoseconds: pause * 1_000_000)
            }
        }
        return try await once()
    }

    private func request(
        _ method: HTTPMethod, _ path: String, _ body: some Collection<UInt8> & Sendable, _ headers: HTTPHeaders = [:]
    ) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        request.headers = headers
        request.headers.add(name: "Authorization", value: "Bearer \(token.text)")
        if !body.isEmpty { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }

    private func read(_ response: HTTPClientResponse, limit: Int) async throws -> [UInt8] {
        let bytes = Array(try await response.body.collect(upTo: limit).readableBytesView)
        counts.withLock { $0.receivedBytes += Int64(bytes.count) }
        return bytes
    }

    /// How often a request waits as long as a server says that refuses it, before it gives up; and the longest wait.
    private static let waitsMax = 4
    private static let waitSecondsMax: UInt64 = 15

    /// Sends a request once, again where the server says to come later (somebody else behind the same address has sent too
    /// many tokens that are worth nothing), and gives an answer that says success to `body`.
    private func attempt<Value>(
        _ request: HTTPClientRequest, sending count: Int, seconds: Int64,
        _ body: (HTTPClientResponse) async throws -> Value
    ) async throws -> Value {
        var waitsLeft = Self.waitsMax
        while true {
            do {
                return try await attemptOnce(request, sending: count, seconds: seconds, body)
            } catch let refused as RefusedForNow {
                guard waitsLeft > 0 else { throw refused.error }
                waitsLeft -= 1
                try await Task.sleep(nanoseconds: min(refused.seconds, Self.waitSecondsMax) * 1_000_000_000)
            }
        }
    }

    private struct RefusedForNow: Error {
        let error: StoreError
        /// At least 1.
        let seconds: UInt64
    }

    private func attemptOnce<Value>(
        _ request: HTTPClientRequest, sending count: Int, seconds: Int64,
        _ body: (HTTPClientResponse) async throws -> Value
    ) async throws -> Value {
        counts.withLock { counts in
            counts.requests += 1
            counts.sentBytes += Int64(count)
        }
        do {
            let response = try await client.execute(request, timeout: .seconds(seconds))
            guard (200..<300).contains(response.status.code) else {
                let problem = Self.problem(try await read(response, limit: 1 << 20), response.status)
                guard problem.code == .rateLimited else { throw problem }
                let seconds = response.headers.first(name: "Retry-After").flatMap { UInt64($0) } ?? 3
                throw RefusedForNow(error: problem, seconds: max(1, seconds))
            }
            return try await body(response)
        } catch let error as RefusedForNow {
            throw error
        } catch let error as StoreError {
            throw error
        } catch is CancellationError {
            throw StoreError(.interrupted, "Interrupted.")
        } catch is NIOTooManyBytesError {
            throw StoreError(.io, "The server's answer is longer than it may be.")
        } catch {
            throw StoreError(
                .unreachable, "\(url) cannot be reached: \(error).", hint: "See whether `snapstore serve` runs there.")
        }
    }

    private static func problem(_ bytes: [UInt8], _ status: HTTPResponseStatus) -> StoreError {
        guard let problem = try? JSONDecoder().decode(ProblemMessage.self, from: Data(bytes)) else {
            return StoreError(.io, "The server answered \(status.code), and said no more.")
        }
        return problem.error
    }
}
