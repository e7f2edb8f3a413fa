import SnapIO
import TestSupport
import Testing

/// What `--help` says, against what the program does and what the manual says.
@Suite struct HelpTests {
    /// What must be there for a command's examples.
    private static let before = [
        "import":
            "snapstore export tools:1 tools.snap -q; tar -C root -cf layer.tar .; gzip -k layer.tar; "
            + "mv layer.tar.gz layer.tgz",
        "fsck": "snapstore gc -q", "delete": "snapstore create fixture a:1 -q; snapstore create fixture b:1 -q",
        "export": "mkdir unpacked", "undelete": "snapstore delete tools:stable tools:1 --yes -q",
        "token revoke": "snapstore token create --org local --scope read:usage -q >/dev/null",
        "store restore": "snapstore store backup backup -q",
        "config unset": "snapstore config set gc.grace 1h -q",
    ]

    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.write("root/etc/os-release", Array("NAME=test\n".utf8))
        try bench.write("fixture/file", Array("fixture\n".utf8))
        try bench.done(
            """
            snapstore create root tools:1 -q && snapstore tag tools:1 tools:stable -q && cp -a root root2 \
            && mkdir root2/new && snapstore create root2 tools:2 -q
            """)
        return bench
    }

    @Test func everyCommandHasExamplesThatWork() throws {
        let bench = try Self.makeBench()
        let first = try bench.digest("tools:1")
        let second = try bench.digest("tools:2")
        let server = try ServerBench(scopes: ServerBench.allScopes)
        for tag in ["1", "latest"] {
            let push =
                "snapstore tag tools:1 tools:latest -q; snapstore push tools:\(tag) -q; snapstore delete tools -q"
            #expect(try bench.shell(push, environment: server.environment).status == 0)
        }
        var count = 0
        for command in try Manual.commands(bench) + [""] {
            try bench.done("rm -rf base && mkdir base && cp -a root fixture store base/")
            let examples = try Self.examples(bench.done("snapstore \(command) --help"))
            #expect(!examples.isEmpty, "\(command) has no examples")
            if let script = Self.before[command] { try bench.done(script) }
            for example in examples where !example.contains("create / ") && !example.contains("ssh ") {
                // Those for a delete name a snapshot that the examples before have left.
                let line = example.replacing("sha256:…", with: command == "delete" ? second : first)
                    .replacing("0123456789abcdef", with: "$(\(JSONTests.tokenID))")
                    .replacing("tar -C root ", with: "tar -C unpacked ")
                    .replacing("http://127.0.0.1:7770", with: server.url)
                    .replacing("snapstore serve", with: "timeout --foreground --preserve-status 2 snapstore serve")
                let run = try bench.shell(line, environment: server.environment)
                // The stores of tests are in memory, of which it warns.
                let isWarned = command == "doctor" && run.status == 3
                #expect(run.status == 0 || isWarned, "\(command): \(example): \(run.errors)")
                count += 1
            }
            try bench.done("find . -mindepth 1 -maxdepth 1 ! -name base -exec rm -rf {} + && mv base/* . && rmdir base")
        }
        #expect(count >= 30)
        print("help: \(count) examples run")
    }

    /// The commands below "Examples:", which stand in a column of their own before what they do.
    private static func examples(_ help: String) throws -> [String] {
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard let start = lines.firstIndex(of: "Examples:") else { return [] }
        let examples = lines[(start + 1)...].prefix { $0.hasPrefix("  ") }
        let columns = Set(
            examples.compactMap { line in
                line.dropFirst(2).firstRange(of: /\s{2,}/).map {
                    line.distance(from: line.startIndex, to: $0.upperBound)
                }
            })
        #expect(columns.count <= 1, "not aligned:\n\(examples.joined(separator: "\n"))")
        return examples.map { line in
            let line = line.dropFirst(2)
            #expect(!line.hasPrefix(" "), "wrapped: \(line)")
            return String(line.firstRange(of: /\s{2,}/).map { line[..<$0.lowerBound] } ?? line)
        }
    }

    @Test func everyLineFitsATerminal() throws {
        let bench = try CommandBench()
        for command in try Manual.commands(bench) + [""] {
            for line in try bench.done("snapstore \(command) --help").split(separator: "\n") {
                #expect(line.count <= 80 || line.hasPrefix("USAGE:"), "\(command): \(line)")
            }
        }
    }

    @Test func theManualHasEveryCommandAndOption() throws {
        let bench = try CommandBench()
        let commands = try Manual.commands(bench)
        let rows = try Manual.rows("## Commands")
        #expect(rows.count == commands.count)
        let common: Set = ["--help", "--version", "--json", "--quiet", "--store"]
        for (command, row) in zip(commands, rows) {
            #expect("\(Manual.code(row[0]).first ?? "") ".hasPrefix("\(command) "), "\(row[0]) for \(command)")
            let text = row.joined(separator: " ") + (try Manual.section("### \(command)").joined(separator: " "))
            let documented = Set(text.matches(of: /--[a-z][a-z-]*/).map { String($0.output) })
            let help = try bench.done("snapstore \(command) --help").split(separator: "\n")
            let options = Set(
                help.filter { $0.hasPrefix("  -") }.flatMap { line in
                    line.matches(of: /--[a-z][a-z-]*/).prefix(1).map { String($0.output) }
                })
            #expect(options.isSuperset(of: common), "\(command)")
            #expect(options.subtracting(common) == documented.subtracting(common), "\(command)")
        }
    }

    @Test func theManualHasEveryOtherNameOfACommand() throws {
        let bench = try CommandBench()
        let manual = try Manual.text()
        for alias in ["save", "backup", "check", "verify"] {
            #expect(manual.contains("`\(alias)`"))
            try bench.done("snapstore \(alias) --help")
        }
    }

    @Test func aloneItHelps() throws {
        let bench = try CommandBench()
        #expect(try bench.done("snapstore") == bench.done("snapstore --help"))
        #expect(try bench.done("snapstore help create") == bench.done("snapstore create --help"))
        #expect(try bench.done("snapstore --version").wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    }
}
