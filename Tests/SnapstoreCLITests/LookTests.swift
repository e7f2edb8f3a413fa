import SnapIO
import TestSupport
import Testing

/// `find`, `du`, `log` and `env`.
@Suite struct LookTests {
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done(
            """
            cd root && ln -s motd etc/link && mkfifo etc/pipe && mkdir -p deep/a/b && echo x >deep/a/b/x.txt \
            && printf '%s' '' >deep/empty && touch -d '2001-02-03 04:05:06 UTC' deep/a/b/x.txt \
            && truncate -s 1M deep/hole && printf 'n' >$'deep/new\\nline\\xff'
            cd .. && snapstore create root a:1 -q
            """)
        return bench
    }

    /// Conditions of ours and of GNU find, that must give the same names.
    private static let searches = [
        ("", ""), ("--type f", "-type f"), ("--type d", "-type d"), ("--type l,p", "\\( -type l -o -type p \\)"),
        ("--name '*.txt'", "-name '*.txt'"),
        ("--name 'm?td' --name '[x-z]*'", "\\( -name 'm?td' -o -name '[x-z]*' \\)"),
        ("--type f --size +1000", "-type f -size +1000c"), ("--type f --size -6", "-type f -size -6c"),
        ("--size 6", "-type f -size 6c"), ("--size +100k --size -1G", "-type f -size +102400c -size -1073741824c"),
        ("--older 2001-02-04", "! -newermt '2001-02-04 UTC'"),
        ("--newer '2001-02-03 04:05:05'", "-newermt '2001-02-03 04:05:05 UTC'"),
        ("--newer '2001-02-03T04:05:06Z'", "-newermt '2001-02-03 04:05:06 UTC'"),
        ("--older @981173107 --newer @981173105", "-newermt @981173105 ! -newermt @981173107"),
        ("--newer 1d --type f", "-mtime -1 -type f"), ("--name nothing", "-name nothing"),
    ]

    @Test(arguments: searches) func findGivesWhatFindGives(_ ours: String, _ theirs: String) throws {
        let bench = try Self.makeBench()
        for start in ["", "deep", "etc/motd"] {
            let found = try bench.done("snapstore find a:1 \(start) \(ours) -0 | sort -z | tr '\\0' '|'")
            let expected = try bench.done(
                "cd root && find ./\(start) \(theirs) -print0 | sed -z 's,^\\./,,; s,^$,.,' | sort -z | tr '\\0' '|'")
            #expect(found == expected, "\(start) \(ours)")
        }
    }

    @Test func findShowsNamesThatCannotForgeALine() throws {
        let bench = try Self.makeBench()
        #expect(try bench.done("snapstore find a:1 deep --name 'new*'") == "deep/new\\x0aline\\xff\n")
        let lines = try bench.lines("snapstore find a:1 --type f --size 1 --json")
        #expect(lines.dropFirst().first?["path"] as? String == "deep/new\\x0aline\\xff")
        #expect(lines.last?["count"] as? Int == 1 && lines.last?["bytes"] as? Int == 1)
    }

    @Test(arguments: [
        ("--name '['", "is no pattern"), ("--type x", "is no type of file"), ("--size x", ""), ("--size +", ""),
        ("--newer 2001-02-30", ""), ("--newer 12", ""), ("--newer 2001-02-03Z", ""),
        ("--newer '2001-02-03 04:٠5'", ""), ("--newer '2001-02-03 04:0'", ""), ("--size 99999999999999999999T", ""),
    ]) func findRefusesWhatIsNoCondition(_ condition: String, _ message: String) throws {
        let bench = try Self.makeBench()
        let run = try bench.shell("snapstore find a:1 \(condition)")
        #expect(run.status == 2 && run.errors.contains(message) && run.output.isEmpty, "\(condition): \(run.errors)")
    }

    @Test func duCountsEachChunkOnceInEveryDirectory() throws {
        let bench = try CommandBench()
        var generator = SeededGenerator(seed: 21)
        let (first, second) = (generator.bytes(500_000), generator.bytes(300_000))
        try bench.write("t/a/one", first)
        try bench.write("t/a/deep/one", first)
        try bench.write("t/b/one", first)
        try bench.write("t/b/two", second)
        try bench.write("t/top", second)
        try bench.write("t/c/small", [1, 2, 3])
        try bench.done("snapstore create t a:1 -q")
        var rows: [String: (Int, Int, Int)] = [:]
        let lines = try bench.lines("snapstore du a:1 --depth 2 --json")
        for line in lines where line["type"] as? String == "item" {
            let path = try #require(line["path"] as? String)
            rows[path] = (
                try #require(line["logicalBytes"] as? Int), try #require(line["distinctBytes"] as? Int),
                try #require(line["fileCount"] as? Int)
            )
        }
        #expect(rows["."] ?? (0, 0, 0) == (2_100_003, 800_003, 6))
        #expect(rows["a"] ?? (0, 0, 0) == (1_000_000, 500_000, 2))
        #expect(rows["a/deep"] ?? (0, 0, 0) == (500_000, 500_000, 1))
        #expect(rows["b"] ?? (0, 0, 0) == (800_000, 800_000, 2))
        #expect(rows["c"] ?? (0, 0, 0) == (3, 3, 1))
        #expect(rows.count == 5)
        // What is deeper than asked counts with what is above.
        for depth in [0, 1, 9] {
            let lines = try bench.lines("snapstore du a:1 --depth \(depth) --json")
            let total = try #require(lines.last)
            #expect(total["distinctBytes"] as? Int == 800_003 && total["logicalBytes"] as? Int == 2_100_003)
            #expect(total["fileCount"] as? Int == 6 && total["count"] as? Int == [0: 1, 1: 4, 9: 5][depth])
        }
        let text = try bench.done("snapstore du a:1").split(separator: "\n").map { $0.split(separator: " ").last ?? "" }
        #expect(text == ["PATH", ".", "b", "a", "c"])
        #expect(try bench.done("snapstore du a:1 a/deep --depth 0").hasSuffix("1  a/deep\n"))
        #expect(try bench.summary("snapstore du a:1 b/two --json")["distinctBytes"] as? Int == 300_000)
        #expect(try bench.shell("snapstore du a:1 --depth -1").status == 2)
        #expect(try bench.shell("snapstore du a:1 nowhere").status == 4)
    }

    /// Against an oracle that knows nothing of trees: every file of random contents, cut by nothing, in random places.
    @Test func duAgreesWithAnOracle() throws {
        let seed = TestScale.seed("du")
        var generator = SeededGenerator(seed: seed)
        let bench = try CommandBench()
        // Below the smallest chunk, so that each content is one chunk.
        let contents = (0..<6).map { generator.bytes(1_000 + $0) }
        var files: [(path: [String], content: Int)] = []
        for number in 0..<60 {
            let depth = Int(generator.next() % 4)
            let path = (0..<depth).map { _ in "d\(generator.next() % 3)" }
            let content = Int(generator.next() % 6)
            files.append((path, content))
            try bench.write((["t"] + path + ["f\(number)"]).joined(separator: "/"), contents[content])
        }
        try bench.done("snapstore create t a:1 -q")
        for depth in 0...4 {
            var expected: [String: (Set<Int>, Int)] = [:]
            for file in files {
                for level in 0...min(depth, file.path.count) {
                    let name = level == 0 ? "." : file.path[..<level].joined(separator: "/")
                    expected[name, default: ([], 0)].0.insert(file.content)
                    expected[name, default: ([], 0)].1 += contents[file.content].count
                }
            }
            var count = 0
            for line in try bench.lines("snapstore du a:1 --depth \(depth) --json")
            where line["type"] as? String == "item" {
                let (distinct, bytes) = expected[line["path"] as? String ?? ""] ?? ([], 0)
                let sum = distinct.map { contents[$0].count }.reduce(0, +)
                #expect(line["distinctBytes"] as? Int == sum && line["logicalBytes"] as? Int == bytes, "seed \(seed)")
                count += 1
            }
            #expect(count == expected.count, "seed \(seed)")
        }
    }

    @Test func logShowsEverySnapshotOfAName() throws {
        let bench = try Self.makeBench()
        try bench.done(
            """
            echo 2 >root/two && snapstore create root a:2 --parent a:1 -q && echo 3 >root/three \
            && snapstore create root a:2 --force --parent a:2 -q && snapstore create root/etc b:1 -q
            """)
        let lines = try bench.done("snapstore log a").split(separator: "\n").map(String.init)
        #expect(lines.count == 4 && lines[0].hasPrefix("DIGEST"))
        #expect(lines[1].contains("  2 ") && lines[2].hasSuffix("a:1") && lines[3].hasSuffix("-"))
        // The parent of the newest has no tag any more.
        let items = try bench.lines("snapstore log a --json").filter { $0["type"] as? String == "item" }
        #expect(items.count == 3 && items[1]["tags"] as? [String] == [] && items[0]["tags"] as? [String] == ["2"])
        #expect(items[0]["parent"] as? String == items[1]["id"] as? String)
        #expect(lines[1].contains("a@"))
        try bench.done("snapstore delete a:1 -q")
        #expect(try bench.done("snapstore log a").contains("(deleted)"))
        #expect(try bench.summary("snapstore log local/a -n 1 --json")["count"] as? Int == 1)
        #expect(try bench.shell("snapstore log aa").errors.contains("Did you mean `a`?"))
        #expect(try bench.shell("snapstore log zzz").status == 4)
        for wrong in ["a:1", "A", "''", "a/b/c", "a --limit 0"] {
            #expect(try bench.shell("snapstore log \(wrong)").status == 2, "\(wrong)")
        }
    }

    /// Values that a shell, `env -S` and a terminal could take for something else.
    private static let values: [[UInt8]] = [
        [], Array("plain/path:x".utf8), Array("two  words ".utf8), Array("it's \"quoted\"".utf8),
        Array("a\\b\\\\c\\'d".utf8),
        Array("$HOME ${X} `id` $(id)".utf8), Array("line\nline\ttab".utf8),
        Array("#no ~ * ? [a] {b,c} ! & ; | < >".utf8),
        [0x66, 0xff, 0xfe, 0x20, 0x80], Array("ünïcode \u{202e}".utf8), Array("=x=".utf8), Array("\\".utf8),
        Array("'".utf8),
    ]

    @Test func envIsReadBackByShellsAndEnv() throws {
        let bench = try CommandBench()
        try bench.write(
            "variables",
            Self.values.enumerated().flatMap { Array("V\($0)=".utf8) + $1 + [0] } + Array("V0=last\0".utf8))
        try bench.done(
            """
            options=() && while IFS= read -r -d '' variable; do options+=(--env "$variable"); done <variables
            snapstore create root a:1 -q "${options[@]}"
            sed -z 1d variables | sort -z >expected
            """)
        let count = Self.values.count
        #expect(try bench.summary("snapstore env a:1 --json")["count"] as? Int == count)
        try bench.done("snapstore env a:1 -0 | sort -z | cmp - expected")
        try bench.done(#"env -i -S "$(snapstore env a:1)" env -0 | sort -z | cmp - expected"#)
        for shell in ["bash", "sh"] {
            try bench.done(
                """
                snapstore env a:1 >lines && PATH=/bin:/usr/bin \(shell) -c 'set -a; eval "$(cat lines)"; env -0' \
                | grep -az '^V[0-9]' | sort -z | cmp - expected
                """)
        }
        let item = try bench.lines("snapstore env a:1 --json").first { $0["name"] as? String == "V6" }
        #expect(item?["value"] as? String == "line\\x0aline\\x09tab")
        try bench.done("snapstore create root b:1 -q")
        #expect(try bench.done("snapstore env b:1").isEmpty)
    }
}
