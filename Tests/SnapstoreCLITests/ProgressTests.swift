import TestSupport
import Testing

/// Progress on a terminal, on a plain stream, and none where none is wanted. The jobs wait for a pipe, so that there is
/// always time to see it.
@Suite struct ProgressTests {
    /// Runs the program with a terminal as its standard error, and says what that showed: `import` reads a stream of
    /// which the second half comes only when the first line was shown, or after a second where none is expected;
    /// `export` writes to a pipe that is read only then.
    private static let script = """
        import os, pty, re, select, subprocess, sys, termios, fcntl, struct, time
        kind, columns, expected = sys.argv[1], int(sys.argv[2]), sys.argv[3] == 'shown'
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        data = open('a.snap', 'rb').read()
        pipe = subprocess.PIPE
        child = subprocess.Popen(sys.argv[4:], stdin=pipe if kind == 'import' else subprocess.DEVNULL,
                                 stdout=pipe if kind == 'export' else subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        def feed(part):
            if kind == 'import': child.stdin.write(part); child.stdin.flush()
        feed(data[:20000])
        shown, deadline = b'', time.time() + (60 if expected else 1)
        while time.time() < deadline and not (expected and re.search(rb'\\[K[a-z].*\\r', shown)):
            if select.select([master], [], [], 0.05)[0]: shown += os.read(master, 65536)
        feed(data[20000:])
        if kind == 'import': child.stdin.close()
        else: child.stdout.read()
        while True:
            try: part = os.read(master, 65536)
            except OSError: break
            if not part: break
            shown += part
        assert child.wait() == 0, shown
        sys.stdout.buffer.write(shown.replace(b'\\r\\x1b[K', b'|'))
        """

    private static func makeBench(bytes: String) throws -> CommandBench {
        let bench = try CommandBench()
        try bench.write("show.py", Array(script.utf8))
        try bench.done(
            "mkdir t && head -c \(bytes) /dev/urandom >t/f && snapstore create t a:1 -q && snapstore export a:1 a.snap -q"
        )
        return bench
    }

    @Test func aTerminalShowsOneLineThatIsTakenAway() throws {
        let bench = try Self.makeBench(bytes: "100K")
        let shown = try bench.done("python3 show.py import 80 shown snapstore import - b:1")
        // Each line takes the place of the one before; the last is taken away.
        #expect(shown.hasPrefix("|reading: ") && shown.hasSuffix("|") && !shown.contains("\n"), "\(shown)")
        for line in shown.split(separator: "|") {
            #expect(line.wholeMatch(of: /[a-z]+: \d+ items?, [\d.]+ [KM]?i?B, [\d.]+ [KM]?i?B\/s/) != nil, "\(line)")
        }
        let narrow = try bench.done("python3 show.py import 20 shown snapstore import - c:1")
        #expect(
            narrow.contains("|reading: ") && narrow.split(separator: "|").allSatisfy { $0.count <= 19 }, "\(narrow)")
    }

    @Test func itCanBeTurnedOffForGood() throws {
        let bench = try Self.makeBench(bytes: "100K")
        let show = "python3 show.py import 80"
        #expect(try bench.done("SNAPSTORE_PROGRESS=no \(show) none snapstore import - b:1").isEmpty)
        try bench.done("snapstore config set progress no -q")
        #expect(try bench.done("\(show) none snapstore import - c:1").isEmpty)
        #expect(try bench.done("SNAPSTORE_PROGRESS=yes \(show) shown snapstore import - d:1").hasPrefix("|reading: "))
    }

    @Test func theTimeLeftIsShownWhereTheTotalIsKnown() throws {
        // More than a pack of the stream, so that the first is written before the last is read.
        let bench = try Self.makeBench(bytes: "80M")
        let shown = try bench.done("python3 show.py export 100 shown snapstore export a:1 -")
        let pattern = /writing: \d+ items, [\d.]+ MiB of 80(\.\d)? MiB, [\d.]+ MiB\/s, [\d.]+ s left/
        #expect(shown.split(separator: "|").contains { $0.wholeMatch(of: pattern) != nil }, "\(shown)")
        #expect(shown.hasSuffix("|"))
    }

    @Test(arguments: ["--quiet", "-q", "--json"]) func nothingIsShownWhereNothingIsWanted(_ option: String) async throws
    {
        let bench = try Self.makeBench(bytes: "100K")
        let run = try await bench.shellApart("python3 show.py import 80 hidden snapstore import - b:1 \(option)")
        #expect(run.status == 0 && run.output.isEmpty, "\(run.output)\(run.errors)")
    }

    @Test func aPlainStreamGetsPlainLines() async throws {
        let bench = try Self.makeBench(bytes: "100K")
        let run = try await bench.shellApart(
            """
            mkfifo pipe
            snapstore import - b:1 <pipe 2>lines &
            exec 3>pipe
            head -c 20000 a.snap >&3
            for _ in $(seq 3000); do test -s lines && break; sleep 0.02; done
            tail -c +20001 a.snap >&3
            exec 3>&-
            wait $!
            """)
        #expect(run.status == 0, "\(run.errors)")
        let lines = try bench.done("cat lines")
        #expect(
            lines.wholeMatch(of: /(reading: \d+ items?, [\d.]+ [KM]?i?B, [\d.]+ [KM]?i?B\/s\n)+/) != nil, "\(lines)")
    }
}
