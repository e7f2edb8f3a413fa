import SnapIO
import SnapModel
import TestSupport
import Testing

/// What a server says of its clients, and how it bears those that send nonsense.
@Suite struct ServerSafetyTests {
    @Test func theLogNamesTheSubjectAndNoToken() throws {
        let server = try ServerBench()
        try server.binary.run("org", "create", "other", "-q")
        let made = try server.binary.run(
            "token", "create", "--org", "other", "--subject", "build\nbot", "--scope", "read:snapshots", "-q")
        let token = String(made.output.dropLast())
        let unknown = try AccessToken().text
        #expect(try server.http("GET", "/v1/snapshots?name=a", token: token).status == 200)
        #expect(try server.http("GET", "/v1/events", token: token).status == 403)
        #expect(try server.http("GET", "/v1/snapshots/x%0Asubject=forged", token: server.token).status == 404)
        #expect(try server.http("GET", "/v1/tokens", token: unknown).status == 401)
        #expect(try server.http("GET", "/healthz", token: nil).status == 200)
        let long = String(repeating: "x", count: 5000)
        #expect(try server.http("GET", "/v1/snapshots/\(long)", token: nil).status == 401)
        let log = try server.stop().errors.split(separator: "\n")
        func line(_ path: String) throws -> Substring {
            try #require(log.first { $0.contains("path=\(path) ") }, "\(path): \(log)")
        }
        #expect(try line("/v1/snapshots").contains(#"subject=build\x0abot"#))
        #expect(try line("/v1/events").contains(#"subject=build\x0abot"#) && line("/v1/events").contains("status=403"))
        #expect(try line("/v1/snapshots/x%0Asubject=forged").contains("subject=operator"))
        #expect(try line("/v1/tokens").contains("subject=-") && line("/healthz").contains("subject=-"))
        #expect(log.allSatisfy { $0.utf8.count < 1000 })
        for secret in [token, unknown, server.token] { #expect(!log.contains { $0.contains(secret.suffix(20)) }) }
    }

    @Test func tooManyTokensThatAreWorthNothing() throws {
        let (bench, server) = (try CommandBench(), try ServerBench(options: ["--failed-tokens", "5"]))
        try bench.done("snapstore create root tools:1 -q")
        let late = try server.token(org: "acme", "read:snapshots")
        // One that was valid before is no matter of what its address does then.
        #expect(try server.http("GET", "/v1/snapshots", token: server.token).status == 200)
        let wrong = try (0..<5).map { $0 % 2 == 0 ? "snap_\($0)" : try AccessToken().text }
        for token in wrong { #expect(try server.http("GET", "/v1/snapshots", token: token).status == 401) }
        let refused = try server.http("GET", "/v1/snapshots", token: AccessToken().text)
        #expect(refused.status == 429 && refused.json["code"] as? String == "rate_limited", "\(refused.json)")
        #expect(refused.json["retryable"] as? Bool == true && refused.headers.contains("problem+json"))
        let header = try #require(refused.headers.firstMatch(of: /(?i)retry-after: (\d+)/))
        let seconds = try #require(UInt64(header.output.1))
        #expect((1...3).contains(seconds))
        #expect(try server.http("GET", "/v1/snapshots", token: nil).status == 429)
        #expect(try server.http("GET", "/v1/snapshots", token: server.token).status == 200)
        #expect(try server.http("GET", "/healthz", token: nil).status == 200)
        // A client that is new behind the address waits, and does not hammer; then it is let in, and known.
        #expect(try server.http("GET", "/v1/snapshots", token: late).status == 429)
        let start = Kernel.bootNanoseconds()
        let push = try bench.shell("snapstore push tools:1 -q", environment: server.environment)
        #expect(push.status == 0 && Kernel.bootNanoseconds() - start < 2_000_000_000, "\(push.errors)")
        _ = try server.http("GET", "/v1/snapshots", token: nil)
        let pull = try bench.shell(
            "snapstore pull acme/tools:1 -q --store late", environment: server.environment(token: late))
        #expect(pull.status == 0, "\(pull.errors)")
        #expect(try server.http("GET", "/v1/snapshots", token: late).status == 200)
        let log = try server.stop().errors.split(separator: "\n")
        #expect(log.count { $0.contains("status=429") } <= 8, "\(log)")
    }
}
