import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
package import Logging
import NIOCore
import NIOSSL
package import SnapCore
import SnapIO
import ServiceLifecycle

/// Where and how a store is served.
package struct ServiceOptions: Sendable {
    package var host = "127.0.0.1"
    /// 0: one that is free.
    package var port = 7770
    /// Connections at once; others wait.
    package var connectionsMax = 2048
    package var idleSeconds: Int64 = 120
    /// Tokens worth nothing that one address may send at once (``FailedTokens``).
    package var failedTokensMax = FailedTokens.burst
    /// Files in PEM: the certificate with those that sign it, and its key. nil: plain HTTP.
    package var tls: (certificate: String, key: String)?

    package init() {}
}

/// A store as an HTTP service (`docs/http.md`).
package struct Service: Sendable {
    let store: Store
    let options: ServiceOptions
    let logger: Logger
    let executor: BlockingExecutor
    let pushes: PushSessions

    package init(store: Store, options: ServiceOptions, logger: Logger) throws(StoreError) {
        self.store = store
        self.options = options
        self.logger = logger
        pushes = PushSessions(store: store)
        do { executor = try BlockingExecutor() } catch { throw StoreError(mapping: error) }
    }

    /// A service that takes connections.
    package struct Running: Sendable {
        package let port: Int
        /// Takes no more connections, and ends once what is under way is done, within half a minute.
        package let stop: @Sendable () -> Void
    }

    /// Serves until it is stopped, or the task is cancelled.
    ///
    /// - Parameter onReady: Called once connections are taken.
    /// - Throws: ``StoreError/Code/busy`` where somebody else listens, ``StoreError/Code/notAllowed``.
    package func run(onReady: @escaping @Sendable (Running) -> Void) async throws {
        let stop = AsyncStream<Void>.makeStream()
        let application = Application(
            router: router(),
            server: try server(),
            configuration: ApplicationConfiguration(
                address: .hostname(options.host, port: options.port), serverName: "snapstore",
                availableConnectionsDelegate: MaximumAvailableConnections(options.connectionsMax)),
            onServerRunning: { channel in
                onReady(Running(port: channel.localAddress?.port ?? 0, stop: { stop.continuation.finish() }))
            }, logger: logger)
        var configuration = ServiceGroupConfiguration(services: [application], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(30)
        let group = ServiceGroup(configuration: configuration)
        defer { pushes.endAll() }
        let stopping = Task {
            for await _ in stop.stream {}
            await group.triggerGracefulShutdown()
        }
        defer { stopping.cancel() }
        do {
            try await group.run()
        } catch let error as NIOCore.IOError {
            let place = "\(options.host):\(options.port)"
            switch error.errnoCode {
            case EADDRINUSE:
                throw StoreError(.busy, "Somebody else listens on \(place).", hint: "Give another with --listen.")
            case EACCES: throw StoreError(.notAllowed, "Listening on \(place) is not allowed.")
            default: throw StoreError(.io, "Listening on \(place) failed: \(error).")
            }
        }
    }

    /// HTTP/1.1 in the clear, or over TLS with HTTP/2 for who asks for it.
    private func server() throws(StoreError) -> HTTPServerBuilder {
        guard let (certificate, key) = options.tls else {
            return .http1(configuration: .init(idleTimeout: .seconds(options.idleSeconds)))
        }
        do {
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
            // The library's own least is 1.0.
            tls.minimumTLSVersion = .tlsv12
            return try .http2Upgrade(
                tlsConfiguration: tls, configuration: .init(idleTimeout: .seconds(options.idleSeconds)))
        } catch {
            throw StoreError(
                .invalid, "The certificate \(certificate) or its key \(key) cannot be used: \(error).",
                hint: "Both are files in PEM, and the key is that of the first certificate.")
        }
    }

    /// Method and path of every route, as `GET /v1/snapshots/{id}`.
    package var routes: [String] { router().routes.map { "\($0.method.rawValue) \($0.path)" } }

    /// The document that `GET /openapi.json` gives.
    package static var openAPI: [UInt8] { PackageResources.openapi_json }

    /// Every route; `GET /openapi.json` tells of the same.
    func router() -> Router<ServiceContext> {
        let router = Router(context: ServiceContext.self)
        router.addMiddleware { ProblemMiddleware() }
        router.get("/healthz") { _, _ in Response(status: .ok) }
        router.get("/readyz") { [store, executor] _, _ in
            try await executor.run { _ = try store.orgs() }
            return Response(status: .ok)
        }
        router.get("/openapi.json") { _, _ in
            var response = Response.bytes(PackageResources.openapi_json)
            response.headers[.contentType] = "application/json"
            return response
        }
        let bearers = BearerMiddleware(
            store: store, executor: executor, failuresMax: options.failedTokensMax)
        let api = router.group("/v1").addMiddleware { bearers }
        addSnapshotRoutes(api)
        addPushRoutes(api)
        addSharingRoutes(api)
        addAccessRoutes(api)
        return router
    }
}
