import Foundation
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer
import TestSupport
import Testing

/// What one organisation can find out about another through the service: nothing.
@Suite struct TenancyTests {
    /// Two organisations, each with a snapshot of its own, and what both have deleted.
    private struct Tenants {
        let bench: CommandBench
        let server: ServerBench
        let foreign: String
        /// Ids of the snapshots of `acme`, of the other, and of one that `acme` has deleted.
        let own: String
        let theirs: String
        let deleted: String
        let theirManifest: Digest

        init() throws {
            let (bench, server) = (try CommandBench(), try ServerBench())
            (self.bench, self.server) = (bench, server)
            try server.binary.run("org", "create", "other", "-q")
            let foreign = try server.token(org: "other", ServerBench.allScopes)
            self.foreign = foreign
            func push(_ tag: String, _ token: String) throws -> (id: String, digest: String) {
                try bench.done("head -c 5000 /dev/urandom >root/own; snapstore create root tools:\(tag) -q")
                let run = try bench.shell(
                    "snapstore push tools:\(tag) --json", environment: server.environment(token: token))
                let summary = try #require(JSONText.lines(run.output).last, "\(run.errors)")
                return (try #require(summary["id"] as? String), try #require(summary["digest"] as? String))
            }
            own = try push("own", server.token).id
            let other = try push("theirs", foreign)
            theirs = other.id
            theirManifest = try #require(Digest(other.digest))
            let deleted = try push("deleted", server.token).id
            self.deleted = deleted
            #expect(try server.http("DELETE", "/v1/snapshots/\(deleted)", token: server.token).status == 204)
        }

        func objects(_ id: String, _ token: String) throws -> [String: Any] {
            try server.http("GET", "/v1/snapshots/\(id)", token: token).json
        }
    }

    private static let unknown = String(repeating: "0", count: 32)

    @Test func foreignDeletedAndUnknownAreTheSame() throws {
        let tenants = try Tenants()
        let digest = try #require(tenants.objects(tenants.own, tenants.server.token)["digest"] as? String)
        let list = KeyList([ObjectKey(.manifest, try #require(Digest(digest)))]).encode()
        let routes: [(method: String, path: String, body: [UInt8]?)] = [
            ("GET", "", nil), ("DELETE", "", nil), ("GET", "/manifest", nil),
            ("GET", "/objects/manifest/\(digest)", nil), ("POST", "/bundle", list),
            ("PUT", "/visibility", Array(#"{"visibility":"public"}"#.utf8)),
            ("PUT", "/protection", Array(#"{"protected":true}"#.utf8)),
            ("POST", "/copy", Array(#"{"name":"mine","tag":"1"}"#.utf8)),
        ]
        let all = try tenants.server.token(org: "acme", ServerBench.allScopes)
        for (method, path, body) in routes {
            let answers = try [tenants.theirs, tenants.deleted, Self.unknown, "none"].map {
                try tenants.server.http(
                    method, "/v1/snapshots/\($0)\(path)", token: all, body: body)
            }
            for answer in answers {
                #expect(answer.status == 404 && answer.json["code"] as? String == "not_found", "\(method) \(path)")
                #expect(answer.problem == answers[0].problem && answer.body.count == answers[0].body.count)
            }
        }
        // It is there for those whose it is, still.
        #expect(try tenants.objects(tenants.theirs, tenants.foreign)["id"] as? String == tenants.theirs)
        try tenants.server.expectSound("after requests of others")
    }

    @Test func aSessionBelongsToWhoOpenedIt() throws {
        let tenants = try Tenants()
        let open = Data(#"{"name":"x","tag":"1","manifest":"sha256:\#(String(repeating: "1", count: 64))"}"#.utf8)
        let opened = try tenants.server.http("POST", "/v1/snapshots", token: tenants.server.token, body: Array(open))
        let session = try #require(opened.json["session"] as? String, "\(opened.json)")
        #expect(opened.status == 201 && opened.json["isHeld"] as? Bool == false)
        let list = KeyList([ObjectKey(.chunk, tenants.theirManifest)]).encode()
        let routes: [(method: String, path: String, body: [UInt8]?)] = [
            ("POST", "/missing", list), ("PUT", "/bundles/1", []), ("POST", "/commit", nil), ("DELETE", "", nil),
        ]
        for (method, path, body) in routes {
            let answers = try [session, Self.unknown].map {
                try tenants.server.http(method, "/v1/sessions/\($0)\(path)", token: tenants.foreign, body: body)
            }
            #expect(answers.allSatisfy { $0.status == 404 } && answers[0].problem == answers[1].problem, "\(path)")
        }
        let own = try tenants.server.http(
            "POST", "/v1/sessions/\(session)/missing", token: tenants.server.token, body: list)
        #expect(own.status == 200 && own.body == [1])
        // Nothing was brought, so nothing can be committed; and the push can be ended.
        let commit = try tenants.server.http("POST", "/v1/sessions/\(session)/commit", token: tenants.server.token)
        #expect(commit.status == 409 && commit.json["code"] as? String == "incomplete", "\(commit.json)")
        let end = try tenants.server.http("DELETE", "/v1/sessions/\(session)", token: tenants.server.token)
        #expect(end.status == 204)
        try tenants.server.expectSound("after a push that was ended")
    }

    /// Digests of another organisation's objects are missing, and a digest alone gives nothing.
    @Test func aDigestAloneGivesNothing() throws {
        let tenants = try Tenants()
        let theirs = ObjectKey(.manifest, tenants.theirManifest)
        let open = Data(#"{"name":"x","tag":"1","manifest":"\#(tenants.theirManifest)"}"#.utf8)
        let opened = try tenants.server.http("POST", "/v1/snapshots", token: tenants.server.token, body: Array(open))
        let session = try #require(opened.json["session"] as? String)
        #expect(opened.json["isHeld"] as? Bool == false)
        let missing = try tenants.server.http(
            "POST", "/v1/sessions/\(session)/missing", token: tenants.server.token, body: KeyList([theirs]).encode())
        #expect(missing.body == [1])
        let commit = try tenants.server.http("POST", "/v1/sessions/\(session)/commit", token: tenants.server.token)
        #expect(commit.status == 409)
        let object = try tenants.server.http(
            "GET", "/v1/snapshots/\(tenants.own)/objects/manifest/\(tenants.theirManifest)",
            token: tenants.server.token)
        let bundle = try tenants.server.http(
            "POST", "/v1/snapshots/\(tenants.own)/bundle", token: tenants.server.token,
            body: KeyList([theirs]).encode())
        let nowhere = try tenants.server.http(
            "GET", "/v1/snapshots/\(tenants.own)/objects/manifest/\(try SHA256().digest([1]))",
            token: tenants.server.token)
        #expect([object, bundle, nowhere].allSatisfy { $0.status == 404 && $0.problem == nowhere.problem })
    }

    @Test func everyRouteAsksForATokenAndItsScope() throws {
        let server = try ServerBench(scopes: "read:usage", options: ["--failed-tokens", "100000"])
        let document = try JSONSerialization.jsonObject(
            with: Data(server.http("GET", "/openapi.json", token: nil).body))
        let paths = try #require((document as? [String: Any])?["paths"] as? [String: [String: Any]])
        // Another last digit, whatever the token's is.
        let altered = String(server.token.dropLast()) + (server.token.hasSuffix("0") ? "1" : "0")
        var count = 0
        for (path, item) in paths where path.hasPrefix("/v1/") {
            let filled = path.replacing(/\{[a-z]+\}/, with: Self.unknown)
            for method in item.keys {
                count += 1
                let none = try server.http(method.uppercased(), filled, token: nil, body: method == "get" ? nil : [])
                #expect(none.status == 401 && none.json["code"] as? String == "unauthorized", "\(method) \(path)")
                #expect(none.headers.contains("problem+json") && none.headers.lowercased().contains("www-authenticate"))
                for wrong in ["snap_00", "x", "", altered, server.token + " x"] {
                    let answer = try server.http(method.uppercased(), filled, token: wrong, body: [])
                    #expect(answer.status == 401 && answer.problem == none.problem, "\(wrong)")
                }
                let weak = try server.http(
                    method.uppercased(), filled, token: server.token, body: method == "get" ? nil : [])
                #expect(weak.status == 403 && weak.json["code"] as? String == "not_allowed", "\(method) \(path)")
            }
        }
        #expect(count >= 16)
        for path in ["/healthz", "/readyz"] { #expect(try server.http("GET", path, token: nil).status == 200) }
        for path in ["/", "/v1", "/v2/x", "/healthz/x"] {
            let answer = try server.http("GET", path, token: server.token)
            #expect(answer.status == 404 && answer.json["code"] as? String == "no_route", "\(path): \(answer.status)")
        }
    }

    @Test func whatCannotBeReadIsRefusedByName() throws {
        let server = try ServerBench()
        let manifest = "sha256:" + String(repeating: "1", count: 64)
        let bodies: [(String, String)] = [
            ("", "invalid"), ("{", "invalid"), ("[]", "invalid"), (#"{"name":"x"}"#, "invalid"),
            (#"{"name":"x","manifest":"1"}"#, "invalid"), (#"{"name":"../x","manifest":"\#(manifest)"}"#, "invalid"),
            (#"{"name":"x","tag":":","manifest":"\#(manifest)"}"#, "invalid"),
            (#"{"name":"x","manifest":"\#(manifest)","ifMatch":"y"}"#, "invalid"),
            (String(repeating: "[", count: 100_000), "invalid"), (String(repeating: " ", count: 1 << 21), "too_large"),
        ]
        for (body, code) in bodies {
            let answer = try server.http("POST", "/v1/snapshots", token: server.token, body: Array(body.utf8))
            #expect((400..<500).contains(answer.status) && answer.json["code"] as? String == code, "\(body.prefix(60))")
        }
        let open = Array(#"{"name":"x","manifest":"\#(manifest)"}"#.utf8)
        let opened = try server.http("POST", "/v1/snapshots", token: server.token, body: open)
        let session = try #require(opened.json["session"] as? String)
        let bundles: [[UInt8]] = [
            [1], [0, 0, 0, 0], [255, 255, 255, 255], [1, 0, 0, 0, 9],
            [40, 0, 0, 0] + [UInt8](repeating: 1, count: 100),
        ]
        for bundle in bundles {
            let answer = try server.http(
                "PUT", "/v1/sessions/\(session)/bundles/1", token: server.token, body: bundle)
            #expect(answer.status == 400 && answer.json["code"] as? String == "invalid", "\(bundle.prefix(8))")
        }
        for list: [UInt8] in [[], [1], [UInt8](repeating: 0, count: 33), [UInt8](repeating: 1, count: 66)] {
            let answer = try server.http(
                "POST", "/v1/sessions/\(session)/missing", token: server.token, body: list)
            #expect(answer.status == 400, "\(list.count)")
        }
        let long = try server.http(
            "POST", "/v1/sessions/\(session)/missing", token: server.token,
            body: [UInt8](repeating: 0, count: 33 * 8193))
        #expect(long.status == 413)
        #expect(try server.http("GET", "/healthz", token: nil).status == 200)
    }

    /// Tokens over HTTP: of one's own organisation, and of no more rights than one has.
    @Test func tokensAndEventsAreThoseOfOnesOwn() throws {
        let server = try ServerBench()
        try server.binary.run("org", "create", "other", "-q")
        let admin = try server.token(org: "acme", "admin:org,read:snapshots,write:snapshots,delete:snapshots")
        let foreign = try server.token(org: "other", "admin:org,read:snapshots")
        func post(_ path: String, _ token: String, _ body: String) throws -> ServerBench.Answer {
            try server.http("POST", path, token: token, body: Array(body.utf8))
        }
        let made = try post("/v1/tokens", admin, #"{"subject":"ci","scopes":["read:snapshots"]}"#)
        let (token, id) = (made.json["token"] as? String ?? "", made.json["id"] as? String ?? "")
        #expect(made.status == 201 && token.hasPrefix("snap_") && made.json["org"] as? String == "acme")
        #expect(try server.http("GET", "/v1/snapshots", token: token).status == 200)
        let more = try post("/v1/tokens", admin, #"{"subject":"ci","scopes":["admin:store"]}"#)
        #expect(more.status == 403 && more.json["code"] as? String == "not_allowed")
        for body in [
            #"{"subject":"","scopes":["admin:org"]}"#, #"{"subject":"x","scopes":[]}"#,
            #"{"subject":"x","scopes":["y"]}"#,
        ] {
            #expect(try post("/v1/tokens", admin, body).status == 400, "\(body)")
        }
        let list = try server.http("GET", "/v1/tokens", token: foreign)
        #expect((list.json["tokens"] as? [[String: Any]])?.allSatisfy { $0["org"] as? String == "other" } == true)
        #expect(!String(decoding: list.body, as: UTF8.self).contains("snap_"))
        // Of another organisation it is not there.
        let revoked = try [foreign, admin].map { try server.http("DELETE", "/v1/tokens/\(id)", token: $0).status }
        #expect(revoked == [404, 204])
        #expect(try server.http("GET", "/v1/snapshots", token: token).status == 401)

        let bench = try CommandBench()
        let push = try bench.shell(
            "snapstore create root a:1 -q; snapstore push a:1 --json", environment: server.environment(token: admin))
        let snapshot = try #require(JSONText.lines(push.output).last?["id"] as? String, "\(push.errors)")
        #expect(try server.http("DELETE", "/v1/snapshots/\(snapshot)", token: admin).status == 204)
        let feed = try server.http("GET", "/v1/events", token: admin)
        let events = try #require(feed.json["events"] as? [[String: Any]])
        #expect(
            events.compactMap { $0["action"] as? String }.suffix(4)
                == ["token.create", "token.revoke", "snapshot.create", "snapshot.delete"])
        #expect(events.suffix(2).allSatisfy { $0["target"] as? String == snapshot && $0["requestId"] is String })
        let cursor = try #require(feed.json["cursor"] as? String)
        let rest = try server.http("GET", "/v1/events?cursor=\(cursor)", token: admin)
        #expect((rest.json["events"] as? [Any])?.isEmpty == true && rest.json["cursor"] as? String == cursor)
        #expect(try server.http("GET", "/v1/events?cursor=x", token: admin).status == 400)
        let others = try server.http("GET", "/v1/events", token: foreign).json["events"] as? [[String: Any]]
        #expect(others?.compactMap { $0["action"] as? String } == ["org.create", "token.create"])
        // Organisations are the operator's.
        #expect(try post("/v1/orgs", admin, #"{"org":"new"}"#).status == 403)
        let store = try server.token(org: "acme", "admin:store")
        let orgs = try [#"{"org":"new"}"#, #"{"org":"new"}"#, #"{"org":"New"}"#].map {
            try post("/v1/orgs", store, $0).status
        }
        #expect(orgs == [201, 412, 400])
    }
}
