import SnapIO
import TestSupport
import Testing

/// What `--json` writes, against the manual and against another parser.
@Suite struct JSONTests {
    /// Prints the id of the only token.
    static let tokenID = #"snapstore token list --json | grep -o '"id":"[0-9a-f]*' | cut -c 7-"#

    private static let commands = [
        "create": "create root new:1", "restore": "restore a:1 out", "list": "list", "ls": "ls a:1", "get": "get a:1",
        "log": "log a",
        "env": "env a:1", "find": "find a:1 --type f", "du": "du a:1", "cp": "cp a:1:etc etc",
        "cat": "cat a:1 etc/motd 2>&1 >/dev/null", "diff": "diff a:1 ./root", "tag": "tag a:1 b:1",
        "delete": "delete a:1", "gc": "gc --grace 0", "fsck": "fsck --read-data", "stats": "stats",
        "undelete": "delete a:1 > /dev/null; snapstore undelete a:1 --json", "protect": "protect a:1",
        "expire": "expire a:1 30d", "export": "export a:1 a.snap", "import": "import in.snap in:1", "doctor": "doctor",
        "config show": "config show", "config get": "config get store", "config set": "config set gc.grace 1h",
        "config unset": "config set progress no >/dev/null; snapstore config unset progress --json",
        "config path": "config path", "benchmark": "benchmark --seconds 1 --size 1M",
        "completions": "completions bash 2>&1 >/dev/null", "man": "man create 2>&1 >/dev/null",
        "org create": "org create acme", "org list": "org list", "token list": "token list",
        "token create": "token create --org local --scope read:usage",
        "token revoke":
            "token create --org local --scope read:usage -q >/dev/null; snapstore --json token revoke $(\(tokenID))",
        "serve": "serve --listen 127.0.0.1:0 & sleep 1; kill $!; wait", "push": "push a:1",
        "share": "share a:1 --visibility public", "copy": "copy a:1 c:1",
        "pull": "pull acme/a:1 --store pulled",
        "store backup": "store backup b",
        "store restore": "store backup b >/dev/null; snapstore store restore b --store c --json",
    ]

    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q --env A=1 && snapstore export a:1 in.snap -q")
        return bench
    }

    @Test func summariesHaveTheKeysOfTheManual() throws {
        let rows = try Manual.rows("## JSON").flatMap { row in
            Manual.code(row[0]).map {
                ($0, Set(Manual.code(row[1]).flatMap { $0.split(separator: ", ") }.map(String.init)))
            }
        }
        let documented = Dictionary(rows) { first, _ in first }
        #expect(Set(documented.keys) == Set(Self.commands.keys))
        for (name, command) in Self.commands {
            let bench = try Self.makeBench()
            let speaksToServer = ["push", "pull", "share", "copy"].contains(name)
            let server = speaksToServer ? try ServerBench(scopes: ServerBench.allScopes) : nil
            let environment = server?.environment ?? [:]
            if speaksToServer, name != "push" { _ = try bench.shell("snapstore push a:1", environment: environment) }
            let lines = try JSONText.lines(
                bench.shell("snapstore --json \(command)", environment: environment).output)
            let last = try #require(lines.last, "\(name)")
            #expect(last["type"] as? String == "summary", "\(name)")
            #expect(Set(last.keys).subtracting(["type"]) == documented[name], "\(name)")
            #expect(lines.filter { $0["type"] as? String == "summary" }.count == 1, "\(name)")
            let first = lines[0]
            #expect(first["type"] as? String == "status" && first["schema"] as? Int == 1, "\(name)")
            #expect(first["command"] as? String == name)
            #expect(lines.filter { $0["type"] as? String == "status" }.count == 1, "\(name)")
        }
    }

    @Test(
        arguments: [
            ("get toolz", "not_found", "There is no snapshot `toolz`.", "See what there is with `snapstore list`."),
            ("get a:2", "not_found", "There is no snapshot `a:2`.", "Did you mean `a:1`?"),
            ("list --store nowhere", "not_found", nil, nil), ("list --frob", "usage", nil, nil),
            ("frob", "invalid", nil, nil), ("restore a:1 root", "precondition_failed", "root is not empty.", nil),
        ] as [(String, String, String?, String?)])
    func errorsHaveACodeAMessageAndAHint(_ command: String, _ code: String, _ message: String?, _ hint: String?) throws
    {
        let bench = try Self.makeBench()
        let run = try bench.shell("snapstore \(command) --json")
        #expect(run.status != 0)
        let lines = try JSONText.lines(run.output)
        #expect(lines.count == 2 && lines[0]["type"] as? String == "status" && lines[0]["schema"] as? Int == 1)
        let error = try #require(lines.last)
        #expect(Set(error.keys) == ["type", "code", "message", "hint"])
        #expect(error["type"] as? String == "error" && error["code"] as? String == code)
        if let message { #expect(error["message"] as? String == message) }
        if let hint { #expect(error["hint"] as? String == hint) }
        #expect(!run.errors.isEmpty)
    }

    @Test func warningsAreCountedAndExitWithThree() throws {
        let bench = try Self.makeBench()
        try bench.done("chmod u+s root/usr/bin/tool && snapstore create root s:1 -q")
        let run = try bench.shell("snapstore restore s:1 out --untrusted --json")
        #expect(run.status == 3 && run.errors.isEmpty)
        let lines = try JSONText.lines(run.output)
        let warnings = lines.filter { $0["type"] as? String == "warning" }
        #expect(warnings.contains { $0["code"] as? String == "untrusted" && $0["path"] as? String == "usr/bin/tool" })
        #expect(warnings.allSatisfy { Set($0.keys) == ["type", "code", "message", "path"] })
        #expect(lines.last?["type"] as? String == "summary")
        let quiet = try bench.shell("snapstore restore s:1 out2 --untrusted --quiet")
        #expect(quiet.status == 3 && quiet.output.isEmpty && quiet.errors.hasPrefix("warning: usr/bin/tool: "))
    }

    /// File names, label values and arguments that would break out of a line.
    @Test func hostileNamesStayWithinTheirLines() throws {
        let bench = try CommandBench()
        let names = [
            "$'a\\nb'", "$'\\e[31mred'", "$'\\u202etxt.exe'", "$'\\xff\\xfe'", "$'q\"\\\\'", "$'\\x7f'", "$'\\u0085'",
            "$'\\u2028'", "$'\\u200b'", "$'e\\u0301'", "$'\\u00e9'", "$'\\U1F600'", "$'{\"type\":\"summary\"}'",
        ]
        try bench.done("mkdir h && cd h && touch \(names.joined(separator: " ")) && ln -s $'\\e[2J\\n' link")
        try bench.done("snapstore create h h:1 -q --label note=$'x\\n\\e[31m\\u202e\"\\\\'")
        try bench.done("rm h/* && touch h/$'n\\new'")
        let commands = [
            "ls h:1", "diff h:1 ./h", "list", "get h:1", "get $'h\\n:1'", "cat h:1 $'\\e[0m' 2>&1", "ls h:1 $'\\u202e'",
            "create $'no\\nwhere' x:1", "restore h:1 $'/proc/\\e[1m/\\nx'", "export h:1 $'/nowhere/\\n\\e'",
            "import $'\\n\\e'", "$'\\n{}'", "list --$'\\n{}'", "list --store $'\\n\\e[31m'",
        ]
        for command in commands {
            // Not one byte below 0x20 but the ends of lines, nothing that is not UTF-8, each line an object.
            let check = """
                import json, sys
                data = sys.stdin.buffer.read()
                assert data.endswith(b'\\n') and not [b for b in data if b < 0x20 and b != 10 or b == 0x7f], data
                lines = [json.loads(line) for line in data.decode().split('\\n')[:-1]]
                assert all(type(line) is dict and 'type' in line for line in lines)
                assert [line['type'] for line in lines].count('status') == 1 and lines[0]['schema'] == 1, lines
                assert lines[-1]['type'] in ('summary', 'error'), lines[-1]
                print(len(lines))
                """
            try check.write(to: bench.directory.file("check.py"))
            let merged = command.hasSuffix("2>&1") ? "" : "2>/dev/null"
            let run = try bench.shell(
                command.hasPrefix("cat")
                    ? "snapstore \(command) --json | grep '^{' | python3 check.py"
                    : "snapstore \(command) --json \(merged) | python3 check.py")
            #expect(run.status == 0, "\(command): \(run.errors)")
            if command == "ls h:1" { #expect(run.output == "\(names.count + 3)\n") }
            // People see no control characters either.
            let shown = try bench.shell("snapstore \(command) 2>&1")
            #expect(shown.output.unicodeScalars.allSatisfy { $0 == "\n" || $0.value >= 0x20 && $0.value != 0x7f })
            #expect(!shown.output.contains("\u{202e}") && !shown.output.contains("\u{85}"), "\(command)")
        }
    }

    @Test func dataAndLinesDoNotMix() throws {
        let bench = try Self.makeBench()
        #expect(try bench.done("snapstore cat a:1 etc/motd --json 2>lines") == "hello\n")
        #expect(try JSONText.lines(bench.done("cat lines")).last?["bytes"] as? Int == 6)
        #expect(try bench.shell("snapstore cat a:1 etc --json 2>lines").output.isEmpty)
        #expect(try JSONText.lines(bench.done("cat lines")).last?["code"] as? String == "invalid")
        let export = try bench.shell("snapstore export a:9 - --json 2>lines")
        #expect(export.status == 4 && export.output.isEmpty)
    }

    @Test func quietSaysOnlyWhatWasAskedFor() throws {
        let bench = try Self.makeBench()
        for command in [
            "create root q:1", "tag a:1 b:1", "gc", "fsck", "restore a:1 out", "export a:1 q.snap", "import q.snap q:2",
        ] {
            let run = try bench.shell("snapstore \(command) --quiet")
            #expect(
                run.status == 0 && run.output.isEmpty && run.errors.isEmpty, "\(command): \(run.output)\(run.errors)")
        }
        for command in ["list", "ls a:1", "get a:1", "stats", "cat a:1 etc/motd"] {
            let quiet = try bench.done("snapstore \(command) -q")
            #expect(try !quiet.isEmpty && quiet == bench.done("snapstore \(command)"), "\(command)")
        }
        #expect(try bench.shell("snapstore get nothing -q").errors.contains("There is no snapshot `nothing`."))
    }
}

extension String {
    fileprivate func write(to path: String) throws {
        try path.write(Array(utf8))
    }
}
