import SnapIO
import TestSupport
import Testing

/// Standard output that is closed, full, or gone.
@Suite struct StreamTests {
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done("mkdir many && (cd many && seq 20000 | xargs touch) && head -c 4M /dev/urandom >many/big")
        try bench.done("snapstore create many a:1 -q && mkdir none && snapstore create none a:2 -q")
        return bench
    }

    @Test func aReaderThatGoesAwayEndsItQuietly() throws {
        let bench = try Self.makeBench()
        for command in ["ls a:1", "ls a:1 --json", "diff a:2 a:1", "diff a:2 ./many", "cat a:1 big"] {
            let run = try bench.shell("snapstore \(command) | head -c 1 >/dev/null; echo ${PIPESTATUS[0]}")
            #expect(run.output == "141\n" && run.errors.isEmpty, "\(command): \(run.output)\(run.errors)")
        }
        try bench.expectSound("a reader gone")
    }

    @Test func aFullDiskBehindItIsSaid() throws {
        let bench = try Self.makeBench()
        let commands = [
            "ls a:1", "ls a:1 --json", "list", "list --json", "get a:1", "stats --json", "diff a:2 a:1", "cat a:1 big",
            "tag a:1 b:1", "create none c:1 --json", "--help", "create --help", "--version",
        ]
        for (number, command) in commands.enumerated() {
            let (place, reason) =
                number % 2 == 0 ? (">/dev/full", "No space left on device.") : (">&-", "Bad file descriptor.")
            let run = try bench.shell("snapstore \(command) \(place)")
            #expect(run.status == 1, "\(command)")
            #expect(run.errors.contains("snapstore: Standard output cannot be written to: \(reason)"), "\(command)")
        }
        try bench.expectSound("a full disk")
    }

    /// What is opened next must not become standard output or error.
    @Test func closedStreamsAreNotTheStore() throws {
        let bench = try CommandBench()
        #expect(try bench.shell("snapstore create root a:1 -q <&- >&- 2>&-").status == 0)
        #expect(try bench.shell("snapstore create root/etc a:2 <&- >&- 2>&-").status == 1)
        #expect(try bench.shell("snapstore create nowhere a:1 2>&-").status == 4)
        #expect(try bench.shell("snapstore import - <&-").status == 1)
        try bench.expectSound("closed streams")
        try bench.done("snapstore restore a:1 out -q && diff -r root out && snapstore fsck --read-data -q")
    }

    @Test func errorsGoToStandardErrorAlone() throws {
        let bench = try CommandBench()
        for command in ["list", "get x", "frob", "create nowhere x"] {
            let run = try bench.shell("snapstore \(command)")
            #expect(run.status != 0 && run.output.isEmpty && !run.errors.isEmpty, "\(command)")
            // Full, or closed: the exit code still tells.
            #expect(try bench.shell("snapstore \(command) 2>/dev/full").status == run.status)
            #expect(try bench.shell("snapstore \(command) 2>&-").status == run.status)
        }
    }
}
