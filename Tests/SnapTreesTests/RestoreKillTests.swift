import Glibc
import SnapIO
import TestSupport
import Testing

/// `kill -9` at any moment of a restore by the real program.
@Suite(.serialized, .enabled(if: isRoot, "skipped: not root")) struct RestoreKillTests {
    @Test func `a killed restore is marked, and the next run finishes it`() throws {
        let bench = try RestoreBench()
        let seed = TestScale.seed("killed restores")
        var generator = SeededGenerator(seed: seed)
        try TreeTools.make(seed, bench.source, "--entries", "200")
        _ = try bench.capture(bench.source, tag: "1")
        let binary = try SnapstoreBinary(store: bench.storePath)
        let seconds = try secondsOfRestore(binary, bench.path("whole"))
        var pairs: [(String, String)] = []
        var killed = 0
        for number in 0..<(10 * TestScale.factor) {
            let copy = bench.path("copy-\(number)")
            let moment = Double.random(in: 0...seconds, using: &generator)
            let status = try Killed.run(binary, ["restore", "t:1", copy, "--quiet"], afterSeconds: moment)
            #expect(status == 0 || status == 128 + SIGKILL)
            let isBegun = copy.exists ? try !Kernel.names(inDirectory: copy).isEmpty : false
            if status != 0 { killed += 1 }
            // Killed before it had made the directory's marker, or in the middle.
            if copy.marker.exists || !isBegun {
                let again = try binary.run("restore", "t:1", copy)
                #expect(again.status == 0, "\(again.errors)")
            } else if status != 0 {
                // Killed when all was done but its answer, or the very last step.
                let top = try bench.source.status()
                copy.setTime(seconds: Int(top.modifiedSeconds), nanoseconds: Int(top.modifiedNanoseconds))
            }
            #expect(!copy.marker.exists, "killed after \(moment) s")
            pairs.append((bench.source, copy))
        }
        try TreeTools.expectEqual(pairs)
        print("killed restores: \(killed) of \(pairs.count), each whole after the next run")
        #expect(killed > 0)
    }

    private func secondsOfRestore(_ binary: SnapstoreBinary, _ directory: String) throws -> Double {
        let start = Kernel.bootNanoseconds()
        let run = try binary.run("restore", "t:1", directory)
        #expect(run.status == 0, "\(run.errors)")
        return Double(Kernel.bootNanoseconds() - start) / 1e9
    }
}

/// A run of the real program that is killed after a while.
enum Killed {
    /// The exit code; 128 + 9 when it was killed before its end.
    static func run(_ binary: SnapstoreBinary, _ arguments: [String], afterSeconds seconds: Double) throws -> Int32 {
        var argv = ([binary.path] + arguments + ["--store", binary.store]).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var child = pid_t()
        let code = posix_spawn(&child, binary.path, nil, nil, &argv, environ)
        guard code == 0 else { throw IOError(errno: code, operation: "spawn", path: binary.path) }
        usleep(UInt32(seconds * 1e6))
        kill(child, SIGKILL)
        var raw: Int32 = 0
        while waitpid(child, &raw, 0) < 0, errno == EINTR {}
        let signal = raw & 0x7f
        return signal == 0 ? (raw >> 8) & 0xff : 128 + signal
    }
}
