import SnapIO
import TestSupport
import Testing

/// A restore that has ended survives a power cut, and one that is cut off never looks whole: the system calls of the
/// real program, in their order.
@Suite struct RestoreSyncTests {
    private static let strace = "/usr/bin/strace"

    @Test(.enabled(if: Kernel.exists(strace), "skipped: no strace"))
    func `the marker comes before the files, and goes after them`() throws {
        let bench = try RestoreBench()
        try Kernel.makeParentDirectories(of: bench.source + "/x")
        try (bench.source + "/file").write([1, 2, 3])
        _ = try bench.capture(bench.source, tag: "1")
        let (binary, log) = (try SnapstoreBinary(store: bench.storePath), bench.path("log"))
        let traced = ["-f", "-qq", "-o", log, "-e", "trace=fsync,syncfs,openat2,unlinkat", binary.path]
        let run = try Command.run(
            Self.strace, traced + ["restore", "--sync", "t:1", bench.target, "--store", bench.storePath])
        #expect(run.status == 0, "\(run.errors)")
        let text = String(decoding: try Kernel.readFile(log, limit: 1 << 20), as: UTF8.self)
        var steps: [String] = []
        for line in text.split(separator: "\n") {
            if line.contains("openat2("), line.contains("O_CREAT") {
                steps.append(line.contains("\".snapstore-incomplete\"") ? "marker" : "file")
            } else if line.contains("unlinkat("), line.contains("\".snapstore-incomplete\"") {
                steps.append("unmark")
            } else if line.contains(" fsync(") {
                steps.append("sync")
            } else if line.contains(" syncfs(") {
                steps.append("sync all")
            }
        }
        // What the catalogue syncs for the session comes before and after.
        let begun = steps.firstIndex(of: "marker") ?? 0
        let ended = steps.lastIndex(of: "sync all") ?? 0
        let expected = ["marker", "sync", "file", "sync all", "unmark", "sync all"]
        #expect(begun < ended && Array(steps[begun...max(begun, ended)]) == expected, "\(steps)")
    }
}
