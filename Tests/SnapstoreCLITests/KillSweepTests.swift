import SnapIO
import TestSupport
import Testing

/// `kill -9` at every durable operation of the real program; the next command recovers by itself.
@Suite(.serialized) struct KillSweepTests {
    private struct Bench {
        let directory = TemporaryDirectory(in: "/dev/shm")
        var source: String { directory.file("source") }
        var base: String { directory.file("base") }
        var work: String { directory.file("work") }

        init() throws {
            var generator = SeededGenerator(seed: 7)
            try Kernel.makeParentDirectories(of: source + "/sub/x")
            try (source + "/a").write(generator.bytes(50_000))
            try (source + "/sub/b").write(generator.bytes(300))
            try (source + "/empty").write([])
        }

        /// A fresh copy of the base store to break.
        func reset() throws {
            TemporaryDirectory.removeAll(work)
            if Kernel.exists(base) {
                let copied = try Command.run("/bin/cp", ["-a", base, work])
                #expect(copied.status == 0)
            }
        }
    }

    private enum Life: String, CaseIterable {
        case first, next, delete, gc
    }

    /// What is done before, the command under test, and how many snapshots there are before and after it.
    private func script(_ life: Life, _ bench: Bench) -> (before: [[String]], command: [String], counts: (Int, Int)) {
        let create = { (tag: String) in ["create", bench.source, "x:\(tag)"] }
        switch life {
        case .first: return ([], create("1"), (0, 1))
        case .next: return ([create("1"), ["touch"]], create("2"), (1, 2))
        case .delete: return ([create("1"), ["touch"], create("2")], ["delete", "x:1"], (2, 1))
        case .gc: return ([create("1"), ["touch"], create("2"), ["delete", "x:1"]], ["gc", "--grace", "0"], (1, 1))
        }
    }

    @Test(arguments: Life.allCases)
    private func aKillAtAnyGateNeedsNoRepair(_ life: Life) throws {
        let bench = try Bench()
        let (before, command, counts) = script(life, bench)
        let base = try SnapstoreBinary(store: bench.base)
        var generator = SeededGenerator(seed: 9)
        for arguments in before {
            if arguments == ["touch"] {
                try (bench.source + "/a").write(generator.bytes(60_000))
            } else {
                #expect(try base.run(arguments).status == 0)
            }
        }
        let binary = try SnapstoreBinary(store: bench.work)
        var gate = 0
        var killed = 0
        while true {
            gate += 1
            try bench.reset()
            let run = try binary.run(command, environment: ["SNAPSTORE_KILL_AT_GATE": String(gate)])
            if run.status == 0 { break }
            guard run.status == 137 else {
                Issue.record("gate \(gate) of \(life): exit \(run.status): \(run.errors)")
                return
            }
            killed += 1
            try checkRecovery(binary, command, counts, "gate \(gate) of \(life)")
            guard gate < 2_000 else { break }
        }
        print("kill sweep, \(life): \(killed) gates, 0 needing repair")
        #expect(killed >= 3)
    }

    private func checkRecovery(_ binary: SnapstoreBinary, _ command: [String], _ counts: (Int, Int), _ place: String)
        throws
    {
        if Kernel.exists(binary.store + "/FORMAT") {
            let check = try binary.run("fsck", "--read-data")
            #expect(check.status == 0, "fsck after \(place): \(check.output)\(check.errors)")
            let count = try binary.run("list", "--json").output.split(separator: "\n").count - 2
            #expect(count == counts.0 || count == counts.1, "\(count) snapshots after \(place)")
        } else {
            #expect(counts.0 == 0, "the store is gone after \(place)")
        }
        let again = try binary.run(command)
        // A delete that took effect before the kill finds nothing the second time.
        #expect(
            again.status == 0 || command[0] == "delete" && again.status == 4, "again after \(place): \(again.errors)")
        let count = try binary.run("list", "--json").output.split(separator: "\n").count - 2
        #expect(count == counts.1, "\(count) snapshots, again after \(place)")
        let check = try binary.run("fsck", "--read-data")
        #expect(check.status == 0, "fsck, again after \(place): \(check.output)\(check.errors)")
    }
}
