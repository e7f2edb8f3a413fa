import Glibc
import SnapIO
import TestSupport
import Testing

/// SIGINT and SIGTERM, sent to the real program in the midst of each long job.
@Suite(.serialized) struct InterruptTests {
    /// A job, and what it must leave behind.
    private struct Job {
        let name: String
        let arguments: [String]
        let signal: CInt
        /// Said on standard error beside "Interrupted".
        var hint = ""
        /// Made before each attempt.
        var before = ":"
        /// A shell test of what is left.
        var after = ":"
    }

    /// 128 files of 1 MiB that nothing compresses, captured; then without every second one.
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done("mkdir big && head -c 128M /dev/urandom | (cd big && split -b 1M -a 3 -d - f)")
        try bench.done("snapstore create big big:all -q")
        try bench.done("mkdir half && cp -al big/. half && rm half/f*[13579] && snapstore create half big:half -q")
        return bench
    }

    @Test func theFirstSignalStopsAJobWhichCleansUp() throws {
        let bench = try Self.makeBench()
        let jobs = [
            Job(
                name: "create", arguments: ["create", bench.directory.file("big"), "new:1", "--mtime", "EPOCH"],
                signal: SIGINT, hint: "Nothing of it was kept.", after: "! snapstore get new:1 2>/dev/null"),
            Job(
                name: "restore", arguments: ["restore", "big:all", bench.directory.file("out")], signal: SIGTERM,
                hint: "The same command goes on", before: "rm -rf out",
                after: "test -e out/.snapstore-incomplete && snapstore restore big:all out -q && diff -r big out"),
            Job(
                name: "diff", arguments: ["diff", "big:half", bench.directory.file("big")], signal: SIGINT),
            Job(name: "fsck", arguments: ["fsck", "--read-data"], signal: SIGTERM),
            Job(
                name: "export", arguments: ["export", "big:all", bench.directory.file("all.snap")], signal: SIGINT,
                before: "rm -f all.snap"),
            Job(
                name: "import", arguments: ["import", bench.directory.file("whole.snap"), "again:1"], signal: SIGTERM,
                hint: "Nothing of it was kept.", before: "test -e whole.snap || snapstore export big:all whole.snap -q",
                after: "! snapstore get again:1 2>/dev/null"),
            Job(
                name: "gc", arguments: ["gc", "--grace", "0"], signal: SIGINT, hint: "What was freed stays freed",
                before: "snapstore create big big:all -q; snapstore delete big:all -q; rm -rf big.bak",
                after: "snapstore gc --grace 0 && snapstore restore big:half half2 -q && diff -r half half2"),
        ]
        for job in jobs {
            let run = try interrupt(job, bench)
            #expect(run.status == 130, "\(job.name): \(run.errors)")
            #expect(run.errors.hasPrefix("snapstore: Interrupted.\n" + job.hint), "\(job.name): \(run.errors)")
            try bench.expectSound(job.name)
            try bench.done(job.after)
        }
    }

    /// Runs a job and signals it once it has read some MiB; again, if it was done before.
    private func interrupt(_ job: Job, _ bench: CommandBench) throws -> Command {
        for _ in 1..<10 {
            try bench.done(job.before)
            let child = try ChildProcess(bench.binary.path, job.arguments + ["--store", bench.store])
            while !child.hasEnded, child.bytesRead < 6 << 20 { usleep(300) }
            child.send(job.signal)
            let run = try child.wait()
            if run.status != 0 { return run }
        }
        throw Command.Failure(description: "\(job.name) was always done before the signal came")
    }

    /// Half a stream in a pipe that stays open: the job waits for bytes that do not come.
    @Test func aSignalReachesAJobThatWaitsForItsInput() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q && snapstore export a:1 a.snap && mkfifo pipe")
        // Opened for both, so that neither side waits for the other.
        let pipe = try Kernel.open(bench.directory.file("pipe"), .readWrite)
        let stream = try Kernel.readFile(bench.directory.file("a.snap"), limit: 1 << 20)
        let half = Array(stream.prefix(min(stream.count / 2, 32 << 10)))
        try half.withUnsafeBytes { try Kernel.writeAll(pipe, $0) }
        let child = try ChildProcess(
            bench.binary.path, ["import", "-", "b:1", "--store", bench.store], input: bench.directory.file("pipe"))
        try waitForSession(bench, child)
        child.send(SIGTERM)
        let run = try child.wait()
        #expect(run.status == 130, "\(run.errors)")
        try bench.expectSound("import")
    }

    /// A pipe that nobody reads from: the job hangs in a write, and only the second signal ends it.
    @Test func theSecondSignalEndsAtOnce() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q && mkfifo pipe")
        let pipe = try Kernel.open(bench.directory.file("pipe"), .readWrite)
        let child = try ChildProcess(
            "/bin/sh",
            [
                "-c", "exec \"$0\" export a:1 - --store \"$1\" >\"$2\"", bench.binary.path, bench.store,
                bench.directory.file("pipe"),
            ])
        try waitForSession(bench, child)
        child.send(SIGTERM)
        // It is in the write by now, or will notice the first one.
        usleep(200_000)
        child.send(SIGTERM)
        let run = try child.wait()
        #expect(run.status == 130, "\(run.errors)")
        #expect(run.errors == "snapstore: Interrupted.\n")
        try pipe.close()
        try bench.expectSound("export")
    }

    @Test func whatIsIgnoredStaysIgnored() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q && mkfifo pipe")
        let pipe = try Kernel.open(bench.directory.file("pipe"), .readWrite)
        let child = try ChildProcess(
            "/bin/sh",
            [
                "-c", "trap '' INT; exec \"$0\" import - b:1 --store \"$1\"", bench.binary.path, bench.store,
            ], input: bench.directory.file("pipe"))
        try waitForSession(bench, child)
        child.send(SIGINT)
        child.send(SIGINT)
        usleep(100_000)
        #expect(!child.hasEnded)
        child.send(SIGTERM)
        #expect(try child.wait().status == 130)
        try pipe.close()
    }

    private func waitForSession(_ bench: CommandBench, _ child: ChildProcess) throws {
        while try !child.hasEnded && Kernel.names(inDirectory: bench.store + "/sessions").isEmpty { usleep(300) }
        // Until the job itself has begun: what comes before ends at once.
        usleep(100_000)
        #expect(!child.hasEnded)
    }
}
