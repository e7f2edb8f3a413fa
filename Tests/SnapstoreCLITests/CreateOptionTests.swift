import Foundation
import TestSupport
import Testing

/// Options of `create`, seen through `get`, `ls` and the digest.
@Suite struct CreateOptionTests {
    @Test func aConfigurationIsKeptWithTheSnapshot() throws {
        let bench = try CommandBench()
        try bench.write("env", Array("# comment\n\nB=two words\n C=3\r\nA=replaced\n".utf8))
        try bench.done(
            """
            snapstore create root a:1 -q --env-file env --env A=1 --env D= --workdir /srv --user 7:8 --entrypoint /init \
            --entrypoint 'a b' --platform linux/riscv64 --label team=x --label a.b/c-d=e=f
            """)
        let got = try bench.summary("snapstore get a:1 --json")
        let config = try #require(got["config"] as? [String: Any])
        #expect(config["env"] as? [[String]] == [["B", "two words"], ["C", "3"], ["A", "1"], ["D", ""]])
        #expect(config["workdir"] as? String == "/srv" && config["user"] as? String == "7:8")
        #expect(config["entrypoint"] as? [String] == ["/init", "a b"])
        #expect(got["platform"] as? String == "linux/riscv64" && got["kind"] as? String == "filesystem")
        #expect(got["labels"] as? [String: String] == ["team": "x", "a.b/c-d": "e=f"])
        let text = try bench.done("snapstore get a:1")
        for line in [
            "env         A=1", "env         B=two words", "workdir     /srv", "user        7:8",
            "entrypoint  /init a b", "platform    linux/riscv64", "label       team=x", "kind        filesystem",
        ] { #expect(text.contains(line + "\n"), "\(line) in\n\(text)") }
        // Without any of it: a directory.
        try bench.done("snapstore create root b:1 -q && snapstore create root c:1 -q --kind filesystem")
        #expect(try bench.summary("snapstore get b:1 --json")["kind"] as? String == "directory")
        #expect(try bench.summary("snapstore get c:1 --json")["platform"] as? String != nil)
        // What a snapshot is does not hang on labels and names.
        try bench.done("snapstore create root d:9 -q --label other=1 --parent a:1")
        #expect(try bench.digest("d:9") == bench.digest("b:1"))
        let parent = try bench.summary("snapstore get a:1 --json")["id"] as? String
        #expect(try bench.summary("snapstore get d:9 --json")["parent"] as? String == parent)
    }

    @Test func patternsLeaveOut() throws {
        let bench = try CommandBench()
        try bench.done("mkdir -p t/cache/x t/src && touch t/a.o t/src/b.o t/src/b.c t/cache/x/y t/keep.o")
        try bench.done("snapstore create t t:1 -q --exclude '*.o' --exclude '!keep.o' --exclude /cache/")
        #expect(try bench.done("snapstore ls t:1 | sed 's/.* //'") == "keep.o\nsrc\n")
        #expect(try bench.done("snapstore ls t:1 src | sed 's/.* //'") == "b.c\n")
    }

    /// Two copies, made at other times by another owner, are one fixture.
    @Test func fixturesAreTheSameEverywhere() throws {
        let bench = try CommandBench()
        try bench.done("cp -r root copy && find copy -exec touch -d '2001-02-03' {} + && chmod -R g+w copy root")
        let isRoot = try bench.done("id -u") == "0\n"
        if isRoot { try bench.done("chown -R 12:34 copy") }
        let owner = isRoot ? " --owner 0:0" : ""
        for (number, options) in ["--mtime EPOCH", "--mtime @1234567890", "--mtime @-1"].enumerated() {
            for tree in ["root", "copy"] {
                try bench.done("snapstore create \(tree) \(tree):\(number) -q \(options)\(owner)")
            }
            #expect(try bench.digest("root:\(number)") == bench.digest("copy:\(number)"), "\(options)")
        }
        #expect(Set(try (0..<3).map { try bench.digest("root:\($0)") }).count == 3)
        // Everything is later than this.
        for tree in ["root", "copy"] {
            try bench.done("SOURCE_DATE_EPOCH=1000 snapstore create \(tree) \(tree):sde -q\(owner)")
        }
        #expect(try bench.digest("root:sde") == bench.digest("copy:sde"))
        #expect(try bench.done("snapstore ls root:sde").contains(" 1970-01-01 00:16:40 etc\n"))
        // Said expressly, times are kept.
        try bench.done("SOURCE_DATE_EPOCH=1000 snapstore create copy kept:1 -q --mtime keep")
        #expect(try bench.done("snapstore ls kept:1").contains(" 2001-02-0"))
        if isRoot { #expect(try bench.done("snapstore ls root:0").contains(" 0:0 ")) }
        #expect(
            try bench.done("snapstore diff root:0 kept:1 --ignore-times | grep -v owner | tail -1").hasPrefix(
                "0 added, 0 removed"))
    }

    @Test func aCheckpointNamesWhatItBelongsTo() throws {
        let bench = try CommandBench()
        try bench.done(
            """
            mkdir state && echo device >state/devices && head -c 300000 /dev/urandom >state/memory \
            && snapstore create root base:1 -q \
            && snapstore create root run:1 -q --checkpoint state --pages memory --engine fire --engine-version 1.2 \
                --parent base:1
            """)
        let got = try bench.summary("snapstore get run:1 --json")
        #expect(got["kind"] as? String == "checkpoint")
        let checkpoint = try #require(got["checkpoint"] as? [String: Any])
        #expect(checkpoint["engine"] as? String == "fire" && checkpoint["version"] as? String == "1.2")
        #expect(try checkpoint["base"] as? String == bench.digest("base:1"))
        #expect(
            try checkpoint["kernel"] as? String == bench.done("uname -r").split(separator: "\n").first.map(String.init))
        #expect((checkpoint["cpu"] as? String)?.isEmpty == false)
        let text = try bench.done("snapstore get run:1")
        for name in ["engine", "version", "cpu", "kernel", "base"] { #expect(text.contains("checkpoint \(name)")) }
        try bench.done(
            "snapstore restore run:1 out -q --checkpoint out-state && diff -r state out-state && diff -r root out")
        try bench.done("snapstore create root run:2 -q --checkpoint state --cpu any --kernel 9.9")
        let other = try #require(bench.summary("snapstore get run:2 --json")["checkpoint"] as? [String: Any])
        #expect(other["cpu"] as? String == "any" && other["kernel"] as? String == "9.9")
        #expect(other["base"] is NSNull && other["engine"] is NSNull)
        let none = try bench.shell("snapstore restore base:1 out2 --checkpoint out3")
        #expect(none.status == 4 && none.errors.contains("base:1 holds no checkpoint."))
        #expect(try bench.shell("snapstore create root x:1 --checkpoint state --pages nothing").status == 2)
        // A disk image in place of a tree.
        try bench.done("head -c 100000 /dev/urandom >disk && snapstore create disk vm:1 -q --checkpoint state")
        #expect(try bench.shell("snapstore create disk vm:2").status == 2)
        try bench.done("snapstore restore vm:1 vm -q && cmp disk vm/image")
    }

    @Test func anUnchangedDirectoryIsTheSameSnapshot() throws {
        let bench = try CommandBench()
        let first = try bench.done("snapstore create root a:1")
        #expect(first.contains("\n3 files, ") && first.hasSuffix("Next: snapstore ls a:1\n"))
        let again = try bench.done("snapstore create root a:1 --rehash")
        #expect(again.hasPrefix("a:1 has this content already: sha256:") && again.contains("new: 0 B"))
        let moved = try bench.done("touch root/x; snapstore create root a:1 --force")
        #expect(moved.hasPrefix("a:1 is now sha256:") && moved.contains("\n  before sha256:"))
    }
}
