import Glibc
import SnapIO
import TestSupport
import Testing

/// `push` and `pull` between real stores and a real server.
@Suite struct PushPullTests {
    @Test func aSnapshotIsTheSameWhereverItGoes() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        try bench.done("mkfifo root/pipe; ln root/usr/bin/tool root/usr/bin/same; ln -s /etc/motd root/link")
        try bench.done("setfattr -n user.note -v hello root/etc/motd; chmod 4755 root/usr/bin/tool")
        try bench.done("snapstore create root tools:1 -q --label team=infra")
        let digest = try bench.digest("tools:1")
        let pushed = try bench.shell("snapstore push tools:1 --json", environment: server.environment)
        #expect(pushed.status == 0, "\(pushed.errors)")
        let summary = try #require(JSONText.lines(pushed.output).last)
        #expect(summary["digest"] as? String == digest && summary["reusedBytes"] as? Int == 0)
        #expect((summary["sentBytes"] as? Int ?? 0) > 150_000)
        let pulled = try bench.shell(
            "snapstore pull acme/tools:1 --restore out --json --store second", environment: server.environment)
        #expect(pulled.status == 0, "\(pulled.errors)")
        #expect(try JSONText.lines(pulled.output).last?["digest"] as? String == digest)
        #expect(try bench.summary("snapstore get acme/tools:1 --json --store second")["digest"] as? String == digest)
        try bench.done(
            "snapstore restore acme/tools:1 again -q --store second && snapstore diff acme/tools:1 ./out --store second"
        )
        let here = try bench.done("cd root && find . -printf '%p %y %m %s %T@ %n\n' | sort")
        #expect(try bench.done("cd out && find . -printf '%p %y %m %s %T@ %n\n' | sort") == here)
        #expect(try bench.done("cd again && find . -printf '%p %y %m %s %T@ %n\n' | sort") == here)
        try bench.expectSound("after a push")
        try bench.done("snapstore fsck --read-data --store second")
        try server.expectSound("after a push")
    }

    @Test func onlyWhatIsLackingGoes() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        func push(_ reference: String) throws -> (sent: Int, requests: Int, reused: Int) {
            let run = try bench.shell("snapstore push \(reference) --json", environment: server.environment)
            #expect(run.status == 0, "\(run.errors)")
            let summary = try #require(JSONText.lines(run.output).last)
            return (
                try #require(summary["sentBytes"] as? Int), try #require(summary["requests"] as? Int),
                try #require(summary["reusedBytes"] as? Int)
            )
        }
        try bench.done("snapstore create root tools:1 -q")
        #expect(try push("tools:1").sent > 150_000)
        // The same again, under the same name and under another.
        let same = try push("tools:1")
        #expect(same.sent < 1000 && same.requests == 1)
        try bench.done("snapstore tag tools:1 tools:2 -q")
        let named = try push("tools:2")
        #expect(named.sent < 1000 && named.requests == 2 && named.reused > 150_000)
        try bench.done("head -c 20000 /dev/urandom >root/new && snapstore create root tools:3 -q")
        let next = try push("tools:3")
        #expect((20_000..<24_000).contains(next.sent) && next.reused > 150_000)
        // Back, into a store that has the first.
        for (tag, least, most) in [("1", 150_000, 300_000), ("3", 20_000, 24_000), ("3", 0, 2000)] {
            let run = try bench.shell(
                "snapstore pull acme/tools:\(tag) --json --store second", environment: server.environment)
            let received = try #require(JSONText.lines(run.output).last?["receivedBytes"] as? Int, "\(run.errors)")
            #expect((least..<most).contains(received), "\(tag)")
        }
        try server.expectSound("after all pushes")
    }

    @Test func tagsMoveOnlyWhenTheyAreToldTo() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        func push(_ command: String) throws -> Command {
            try bench.shell("snapstore push \(command)", environment: server.environment)
        }
        try bench.done("snapstore create root tools:1 -q; snapstore tag tools:1 tools:latest -q")
        let first = try bench.digest("tools:1")
        #expect(try push("tools:1 -q").status == 0 && push("tools -q").status == 0)
        try bench.done("echo more >root/more; snapstore create root tools:1 --force -q; snapstore create root tools -q")
        // `latest` moves freely.
        #expect(try push("tools").output.contains("before \(first)"))
        let refused = try push("tools:1")
        #expect(refused.status == 6 && refused.errors.contains("--force"), "\(refused.errors)")
        let other = try push("tools:1 --if-match sha256:\(String(repeating: "0", count: 64))")
        #expect(other.status == 6, "\(other.errors)")
        let moved = try push("tools:1 --if-match \(first)")
        #expect(moved.status == 0 && moved.output.contains("before \(first)"), "\(moved.output)\(moved.errors)")
        try bench.done("echo even more >root/more; snapstore create root tools:1 --force -q")
        #expect(try push("tools:1 --if-match none").status == 6 && push("tools:1 --force").status == 0)
        try server.expectSound("after refused pushes")
    }

    @Test func whoHasNoRightIsTold() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        try bench.done("snapstore create root tools:1 -q")
        let reader = try server.token(org: "acme", "read:snapshots")
        try server.binary.run("org", "create", "other", "-q")
        let foreign = try server.token(org: "other", "read:snapshots,write:snapshots")
        #expect(try bench.shell("snapstore push tools:1 -q", environment: server.environment).status == 0)
        let cases: [(String, [String: String], Int32, String)] = [
            ("push tools:1", server.environment(token: reader), 5, "write:snapshots"),
            ("pull acme/tools:1", server.environment(token: foreign), 4, "no snapshot `acme/tools:1`"),
            ("pull other/tools:1", server.environment(token: foreign), 4, "no snapshot"),
            ("pull acme/nothing:1", server.environment, 4, "no snapshot `acme/nothing:1`"),
            ("push tools:1", ["SNAPSTORE_REMOTE": server.url], 5, "SNAPSTORE_TOKEN"),
            ("push tools:1", ["SNAPSTORE_TOKEN": server.token], 2, "config set remote"),
            ("push tools:1", server.environment(token: "snap_00"), 2, "incomplete"),
            ("push tools:1 http://127.0.0.1:1", ["SNAPSTORE_TOKEN": server.token], 1, "cannot be reached"),
            ("push tools:1 http://example.org", ["SNAPSTORE_TOKEN": server.token], 5, "in the clear"),
            ("push tools:1 ftp://x", ["SNAPSTORE_TOKEN": server.token], 2, "no URL of a server"),
            ("push tools:9", server.environment, 4, "tools:9"),
        ]
        for (command, environment, status, message) in cases {
            let run = try bench.shell("snapstore \(command)", environment: environment)
            #expect(run.status == status && run.errors.contains(message), "\(command): \(run.status) \(run.errors)")
        }
        // A token that is revoked is worth nothing at once, while the server runs.
        let tokens = try JSONText.lines(server.binary.run("token", "list", "--org", "acme", "--json").output)
        let id = try #require(tokens.first { ($0["scopes"] as? [String])?.count == 3 }?["id"] as? String)
        try server.binary.run("token", "revoke", id)
        let revoked = try bench.shell("snapstore pull acme/tools:1", environment: server.environment)
        #expect(revoked.status == 5 && revoked.errors.contains("worth nothing"), "\(revoked.errors)")
    }

    @Test func theTokenIsReadFromAFileThatOthersMayNotRead() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        try bench.done("snapstore create root tools:1 -q; echo \(server.token) >token; chmod 644 token")
        let environment = ["SNAPSTORE_REMOTE": server.url, "SNAPSTORE_TOKEN_FILE": bench.directory.file("token")]
        let open = try bench.shell("snapstore push tools:1", environment: environment)
        #expect(open.status == 5 && open.errors.contains("chmod 600"), "\(open.errors)")
        #expect(try bench.shell("chmod 600 token; snapstore push tools:1 -q", environment: environment).status == 0)
    }

    /// Another program, of another author as it were, reads a file: with curl, Python, and the documents.
    @Test func anotherProgramReadsAFile() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        let script =
            String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()) + "/tools/read_remote.py"
        try bench.done(
            "head -c 3000000 /dev/urandom >root/usr/big; truncate -s 4M root/usr/big; head -c 90 /dev/urandom >>root/usr/big"
        )
        try bench.done("mkdir root/many; for i in $(seq 700); do echo $i >root/many/file-$i; done")
        try bench.done("snapstore create root tools:1 -q")
        #expect(try bench.shell("snapstore push tools:1 -q", environment: server.environment).status == 0)
        for path in ["etc/motd", "usr/bin/tool", "usr/big", "many/file-512"] {
            let run = try bench.shell(
                "'\(script)' tools:1 \(path) >got && cmp got root/\(path)", environment: server.environment)
            #expect(run.status == 0, "\(path): \(run.errors)")
        }
        for (path, message) in [("usr/none", "there is no usr/none"), ("usr", "is no regular file")] {
            let run = try bench.shell("'\(script)' tools:1 \(path)", environment: server.environment)
            #expect(run.status == 1 && run.errors.contains(message) && run.output.isEmpty, "\(run.errors)")
        }
    }

    /// A certificate of one's own authority: pushes and pulls over TLS, and nothing older than 1.2.
    @Test func overTLS() throws {
        let bench = try CommandBench()
        try bench.done(
            """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost \\
                -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
            snapstore create root tools:1 -q
            """)
        let server = try ServerBench(
            options: ["--tls-cert", bench.directory.file("cert.pem"), "--tls-key", bench.directory.file("key.pem")])
        #expect(server.url.hasPrefix("https://"))
        let trusting = server.environment.merging(["SNAPSTORE_CA_FILE": bench.directory.file("cert.pem")]) { $1 }
        let pushed = try bench.shell(
            "snapstore push tools:1 -q && snapstore pull acme/tools:1 -q --store second", environment: trusting)
        #expect(pushed.status == 0, "\(pushed.errors)")
        let refused = try bench.shell("snapstore pull acme/tools:1 --store third", environment: server.environment)
        #expect(refused.status == 1 && refused.errors.contains("cannot be reached"), "\(refused.errors)")
        for (version, expected) in [("--http1.1", "1.1 200"), ("--http2", "2 200")] {
            let run = try bench.shell(
                "curl -s --cacert cert.pem \(version) -o /dev/null -w '%{http_version} %{http_code}' \(server.url)/healthz"
            )
            #expect(run.output == expected, "\(run.output)")
        }
        let place = server.url.dropFirst("https://".count)
        for (version, isSpoken) in [("tls1", false), ("tls1_1", false), ("tls1_2", true), ("tls1_3", true)] {
            let run = try bench.shell(
                "openssl s_client -connect \(place) -\(version) -cipher ALL:@SECLEVEL=0 -CAfile cert.pem </dev/null 2>&1"
            )
            let isSecure = run.output.contains("Cipher is ") && !run.output.contains("Cipher is (NONE)")
            #expect(isSecure == isSpoken, "\(version): \(run.output.suffix(400))")
        }
        for (options, status, message) in [
            ("--tls-cert cert.pem", 2, "go together"), ("--tls-cert cert.pem --tls-key cert.pem", 2, "cannot be used"),
            ("--tls-cert none --tls-key key.pem", 2, "cannot be used"),
        ] {
            let run = try bench.shell("timeout 20 snapstore serve --listen 127.0.0.1:0 \(options)")
            #expect(run.status == Int32(status) && run.errors.contains(message), "\(options): \(run.errors)")
        }
    }

    @Test func aServerEndsInOrder() throws {
        let server = try ServerBench()
        let ended = try server.stop()
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(try JSONText.lines(ended.output).last?["type"] as? String == "summary")
        // The log has no token in it.
        #expect(!ended.errors.contains(server.token))
    }

    @Test func whereItMayListen() throws {
        let (bench, server) = (try CommandBench(), try ServerBench())
        let port = String(server.url.split(separator: ":").last ?? "")
        for (listen, status, message) in [
            ("0.0.0.0:0", 5, "in the clear"), ("127.0.0.1:\(port)", 9, "Somebody else listens"),
            ("nowhere", 2, "nowhere"),
        ] {
            let run = try bench.shell("timeout 20 snapstore serve --listen \(listen)")
            #expect(
                run.status == Int32(status) && run.errors.contains(message), "\(listen): \(run.status) \(run.errors)")
        }
    }
}
