import Foundation
import SnapModel
import TestSupport
import Testing

/// Snapshots that several organisations of a server share.
@Suite struct SharingServiceTests {
    private struct Shared {
        let bench: CommandBench
        let server: ServerBench
        let owner: [String: String]
        let other: [String: String]
        let third: [String: String]
        let tokens: [String: String]

        init() throws {
            (bench, server) = (try CommandBench(), try ServerBench(scopes: ServerBench.allScopes))
            var tokens = ["acme": server.token]
            for org in ["other", "third"] {
                try server.binary.run("org", "create", org, "-q")
                tokens[org] = try server.token(org: org, ServerBench.allScopes)
            }
            self.tokens = tokens
            owner = server.environment
            other = server.environment(token: tokens["other"] ?? "")
            third = server.environment(token: tokens["third"] ?? "")
            try bench.done("head -c 300000 /dev/urandom >root/big; snapstore create root base:1 -q")
            try done("snapstore push base:1 -q", owner)
        }

        @discardableResult
        func done(_ script: String, _ environment: [String: String]) throws -> String {
            let run = try bench.shell(script, environment: environment)
            #expect(run.status == 0, "\(script): \(run.errors)")
            return run.output
        }

        func summary(_ script: String, _ environment: [String: String]) throws -> [String: Any] {
            try #require(JSONText.lines(done(script, environment)).last)
        }

        func events(_ org: String) throws -> [String] {
            let events = try server.http("GET", "/v1/events", token: tokens[org]).json["events"] as? [[String: Any]]
            return (events ?? []).compactMap { $0["action"] as? String }
        }
    }

    /// Published, derived from by another organisation, unpublished, deleted, collected: the derived one is whole, and a
    /// third organisation is told that it is missing.
    @Test func whatIsDerivedOutlivesWhatWasPublic() throws {
        let shared = try Shared()
        let bench = shared.bench
        let refused = try bench.shell("snapstore pull acme/base:1 --store o", environment: shared.other)
        #expect(refused.status == 4, "\(refused.errors)")
        #expect(try shared.done("snapstore share base:1 --visibility public", shared.owner).contains("is public"))
        // Public twice is public.
        try shared.done("snapstore share base:1 --visibility public -q", shared.owner)
        try shared.done("snapstore pull acme/base:1 --store o --restore got -q", shared.other)
        try bench.done("diff -r root got && echo more >got/more && snapstore create got mine:1 --store o -q")
        let pushed = try shared.summary("snapstore push mine:1 --store o --json", shared.other)
        #expect((pushed["sentBytes"] as? Int ?? .max) < 20_000, "\(pushed)")
        try shared.done("snapstore share base:1 --visibility organization -q", shared.owner)
        let base = try shared.summary("snapstore push base:1 --json", shared.owner)
        let id = try #require(base["id"] as? String)
        let hidden = try bench.shell("snapstore pull acme/base:1 --store p", environment: shared.third)
        #expect(hidden.status == 4)
        let deleted = try shared.server.http("DELETE", "/v1/snapshots/\(id)", token: shared.tokens["acme"])
        #expect(deleted.status == 204)
        let collected = try shared.server.binary.run("gc", "--grace", "0")
        #expect(collected.status == 0, "\(collected.errors)")
        try shared.done("snapstore pull other/mine:1 --store q --restore again -q && diff -r got again", shared.other)
        let unseen = try bench.shell("snapstore pull other/mine:1 --store p", environment: shared.third)
        #expect(unseen.status == 4 && unseen.errors.contains("no snapshot"))
        // Pushed by a third organisation, all of it is missing and has to be sent.
        let own = try shared.summary("snapstore push base:1 --json", shared.third)
        #expect((own["sentBytes"] as? Int ?? 0) > 300_000, "\(own)")
        try shared.server.expectSound("after it was derived from")
        #expect(try shared.events("acme").suffix(3) == ["snapshot.publish", "snapshot.unpublish", "snapshot.delete"])
    }

    @Test func aCopyStaysInTheServer() throws {
        let shared = try Shared()
        try shared.done("snapstore share base:1 --visibility public -q", shared.owner)
        let copy = try shared.summary("snapstore copy acme/base:1 mine:1 --json", shared.other)
        let base = try shared.summary("snapstore push base:1 --json", shared.owner)
        #expect(
            copy["digest"] as? String == base["digest"] as? String && copy["id"] as? String != base["id"] as? String)
        try shared.done("snapstore share base:1 --visibility organization -q", shared.owner)
        try shared.done("snapstore pull other/mine:1 --store q --restore got -q && diff -r root got", shared.other)
        let hidden = try shared.bench.shell("snapstore copy acme/base:1 x:1", environment: shared.third)
        #expect(hidden.status == 4, "\(hidden.errors)")
        try shared.bench.done("echo 2 >root/two; snapstore create root base:2 -q")
        try shared.done("snapstore push base:2 -q", shared.owner)
        let taken = try shared.bench.shell("snapstore copy base:2 base:1", environment: shared.owner)
        #expect(taken.status == 6, "\(taken.errors)")
        try shared.done("snapstore copy base:2 base:1 --force -q", shared.owner)
        try shared.server.expectSound("after copies")
    }

    /// What belongs to another organisation can be read when it is public, and not changed.
    @Test func whatIsPublicIsOnlyRead() throws {
        let shared = try Shared()
        let shown = try shared.summary("snapstore share base:1 --visibility public --json", shared.owner)
        let id = try #require(shown["id"] as? String)
        let token = shared.tokens["other"]
        let paths = [
            ("DELETE", "", ""), ("PUT", "/visibility", #"{"visibility":"organization"}"#),
            ("PUT", "/protection", #"{"protected":true}"#),
        ]
        for (method, path, body) in paths {
            let answer = try shared.server.http(
                method, "/v1/snapshots/\(id)\(path)", token: token, body: body.isEmpty ? nil : Array(body.utf8))
            #expect(answer.status == 403 && answer.json["code"] as? String == "not_allowed", "\(method) \(path)")
        }
        #expect(try shared.server.http("GET", "/v1/snapshots/\(id)", token: token).json["org"] as? String == "acme")
        for (query, count) in [
            ("", 0), ("?org=acme", 1), ("?org=acme&visibility=organization", 0), ("?org=nobody", 0),
            ("?org=acme&name=base&tag=1", 1), ("?org=acme&tag=2", 0),
        ] {
            let list = try shared.server.http("GET", "/v1/snapshots\(query)", token: token).json["snapshots"] as? [Any]
            #expect(list?.count == count, "\(query)")
        }
        // Its own objects are not read with the eyes of whose snapshot it is.
        try shared.bench.done("echo secret >root/secret; snapstore create root private:1 -q")
        let secret = try shared.summary("snapstore push private:1 --json", shared.owner)
        let digest = try #require(secret["digest"] as? String)
        let object = try shared.server.http(
            "GET", "/v1/snapshots/\(id)/objects/manifest/\(digest)", token: token)
        #expect(object.status == 404)
        let wrong = try shared.server.http(
            "PUT", "/v1/snapshots/\(id)/visibility", token: shared.tokens["acme"],
            body: Array(#"{"visibility":"everybody"}"#.utf8))
        #expect(wrong.status == 400)
    }

    @Test func aTagMovesOnlyFromTheVersionThatWasRead() throws {
        let shared = try Shared()
        let first = try #require(shared.summary("snapstore push base:1 --json", shared.owner)["id"] as? String)
        try shared.bench.done("echo 2 >root/two; snapstore create root base:2 -q")
        let second = try #require(shared.summary("snapstore push base:2 --json", shared.owner)["id"] as? String)
        func tag(_ method: String, _ name: String, _ header: String?, _ id: String? = nil) throws -> (
            status: Int, version: String
        ) {
            let body = id.map { " -d '{\"snapshot\":\"\($0)\"}'" } ?? ""
            let condition = header.map { " -H '\($0)'" } ?? ""
            let output = try shared.bench.done(
                """
                curl -s -o answer -w '%{http_code} %header{etag}' -X \(method) -H 'Authorization: Bearer \(shared.server.token)' \
                \(condition)\(body) \(shared.server.url)/v1/tags/base/\(name)
                """)
            let words = output.split(separator: " ").map(String.init)
            return (Int(words.first ?? "") ?? 0, words.count > 1 ? words[1] : "")
        }
        #expect(try tag("GET", "stable", nil).status == 404)
        let made = try tag("PUT", "stable", "If-None-Match: *", first)
        #expect(made.status == 200 && made.version.hasPrefix("\""))
        #expect(try tag("GET", "stable", nil).version == made.version)
        // Other content, and the tag is there.
        #expect(try tag("PUT", "stable", "If-None-Match: *", second).status == 412)
        #expect(try tag("PUT", "stable", nil, second).status == 412)
        let moved = try tag("PUT", "stable", "If-Match: \(made.version)", second)
        #expect(moved.status == 200 && moved.version != made.version)
        // Back to what it named: not the version that it had then.
        let back = try tag("PUT", "stable", "If-Match: \(moved.version)", first)
        #expect(try back.status == 200 && tag("PUT", "stable", "If-Match: \(made.version)", second).status == 412)
        for wrong in ["If-Match: 1", "If-Match: \"x\"", "If-Match: *", "If-None-Match: \"1\""] {
            #expect(try tag("PUT", "stable", wrong, second).status == 400, "\(wrong)")
        }
        #expect(try tag("PUT", "stable", nil, String(repeating: "0", count: 32)).status == 404)
        #expect(try tag("DELETE", "stable", "If-Match: \(made.version)").status == 412)
        #expect(try tag("DELETE", "stable", "If-None-Match: *").status == 400)
        #expect(try tag("DELETE", "stable", "If-Match: \(back.version)").status == 204)
        #expect(try tag("DELETE", "stable", nil).status == 404)
        // A tag that was deleted does not come back under an old version.
        let again = try tag("PUT", "stable", "If-None-Match: *", first)
        #expect(again.status == 200 && ![made.version, moved.version, back.version].contains(again.version))
        // The snapshot is protected, and then not.
        let protected = try shared.server.http(
            "PUT", "/v1/snapshots/\(second)/protection", token: shared.server.token,
            body: Array(#"{"protected":true}"#.utf8))
        #expect(protected.json["protected"] as? Bool == true)
        #expect(try shared.server.http("DELETE", "/v1/snapshots/\(second)", token: shared.server.token).status == 412)
        try shared.server.expectSound("after tags")
    }

    /// A server that answers with a snapshot of another organisation than it was asked for is not believed.
    @Test func aSnapshotOfAnotherOrganisationIsNotTaken() throws {
        let shared = try Shared()
        let list = try shared.server.http("GET", "/v1/snapshots?name=base&tag=1", token: shared.server.token)
        try shared.bench.write("answer", list.body)
        let asked = try shared.bench.shell(
            """
            cat >liar.py <<'EOF'
            import http.server
            class Liar(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    body = open("answer", "rb").read()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                def log_message(self, *words): pass
            server = http.server.HTTPServer(("127.0.0.1", 0), Liar)
            open("port.new", "w").write(str(server.server_port))
            import os; os.rename("port.new", "port")
            server.serve_forever()
            EOF
            python3 liar.py & liar=$!
            while ! test -e port; do sleep 0.05; done
            snapstore pull other/base:1 http://127.0.0.1:$(cat port) --store p
            status=$?
            kill $liar
            exit $status
            """, environment: shared.owner)
        #expect(asked.status == 4 && asked.errors.contains("There is no snapshot `other/base:1`"), "\(asked.errors)")
    }
}
