import ArgumentParser
import Logging
import SnapCore
import SnapIO
import SnapServer
import SnapTransfer

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the store over HTTP, for push and pull.",
        discussion: """
            Examples:
              snapstore serve
              snapstore serve --listen 127.0.0.1:0

            Plain HTTP is spoken on loopback alone; for others give a certificate and its \
            key (--tls-cert, --tls-key): TLS 1.2 or later, with HTTP/2. Clients need a token: see `snapstore token create`. The log is on standard \
            error. SIGTERM ends it once what is under way is done.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("Where to listen; port 0 is one that is free.", valueName: "host:port"))
    var listen = ListenAddress.usual
    @Option(help: ArgumentHelp("The certificate, with those that sign it: a file in PEM.", valueName: "file"))
    var tlsCert: String?
    @Option(help: ArgumentHelp("The key of the certificate: a file in PEM.", valueName: "file")) var tlsKey: String?

    @Option(help: ArgumentHelp("Tokens worth nothing that one address may send at once.", valueName: "n"))
    var failedTokens = ServiceOptions().failedTokensMax

    func validate() throws {
        guard (1...1_000_000).contains(failedTokens) else {
            throw ValidationError("--failed-tokens is 1 to 1000000.")
        }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key go together.")
        }
    }

    func run() throws {
        let output = Output(global)
        output.status("serve")
        let watch = Stopwatch()
        guard listen.isLoopback || tlsCert != nil else {
            throw StoreError(
                .notAllowed, "\(listen.host) is not loopback, and tokens would cross the network in the clear.",
                hint: "Give --tls-cert and --tls-key, or listen on 127.0.0.1 or [::1] behind a proxy that speaks TLS.")
        }
        let store = try global.openStore(create: true)
        var options = ServiceOptions()
        (options.host, options.port) = (listen.host, listen.port)
        options.failedTokensMax = failedTokens
        if let tlsCert, let tlsKey { options.tls = (tlsCert, tlsKey) }
        let isQuiet = global.quiet
        let service = try Service(store: store, options: options, logger: Self.logger(isQuiet: isQuiet))
        let host = listen.isIPv6 ? "[\(listen.host)]" : listen.host
        let scheme = tlsCert == nil ? "http" : "https"
        let isJSON = global.json
        try AsyncWait.run {
            try await service.run { running in
                Interrupts.call { running.stop() }
                let url = "\(scheme)://\(host):\(running.port)"
                if isJSON {
                    try? JSONLines.write(
                        JSONLine("item", [("url", .text(url)), ("port", .integer(Int64(running.port)))]))
                } else {
                    try? TextStream.output.put("Serving \(store.layout.root) at \(url)\n")
                }
            }
        }
        Interrupts.call(nil)
        try output.summary("", [("seconds", .number(watch.seconds))])
    }

    private static func logger(isQuiet: Bool) -> Logger {
        var logger = Logger(label: "snapstore") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = isQuiet ? .error : .info
        return logger
    }
}

/// `HOST:PORT`, the host in brackets where it is an IPv6 address.
struct ListenAddress: ExpressibleByArgument {
    let host: String
    let port: Int

    static let usual = ListenAddress(host: "127.0.0.1", port: 7770)

    private init(host: String, port: Int) {
        (self.host, self.port) = (host, port)
    }

    init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"),
            let port = UInt16(argument[argument.index(after: colon)...])
        else { return nil }
        var host = argument[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    var defaultValueDescription: String { "127.0.0.1:7770" }
    var isIPv6: Bool { host.contains(":") }
    var isLoopback: Bool { Loopback.isLoopback(host) }
}
