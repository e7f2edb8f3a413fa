import Foundation
import SnapIO
import TestSupport
import Testing

/// Backups of a store that other processes work on, some of them killed: each copy is whole.
@Suite(.serialized) struct BackupUnderLoadTests {
    /// Creates, deletes and collects until there is a file `stop`; counts what it did in a file of its own. A command
    /// that fails says so in `failures`.
    private static let load = """
        id=$1; n=0; mkdir w$id
        head -c 200K /dev/urandom >w$id/same
        while test ! -e stop; do
            n=$((n + 1))
            head -c $((RANDOM * 12)) /dev/urandom >w$id/f$((n % 3))
            snapstore create w$id load$id:$n -q 2>>failures || echo "create $? in $id" >>failures
            test $n -le 3 || snapstore delete load$id:$((n - 3)) -q 2>>failures || echo "delete $? in $id" >>failures
            test $((n % 2)) = 0 || snapstore gc --grace 0 -q 2>>failures || echo "gc $? in $id" >>failures
            echo $n >count$id
            sleep 0.05
        done
        """

    @Test func everyCopyIsWhole() throws {
        let seed = TestScale.seed("backups under load")
        var generator = SeededGenerator(seed: seed)
        let proof = Proof("P17", seed: seed)
        let bench = try CommandBench()
        try bench.done("mkdir base && head -c 6M /dev/urandom >base/data && snapstore create base base:1 -q")
        try bench.directory.file("load").write(Array(Self.load.utf8))
        let environment = [
            "PATH": String(bench.binary.path.dropLast("snapstore".count)) + ":/usr/bin:/bin",
            "SNAPSTORE_STORE": bench.store,
        ]
        let others = try (1...2).map {
            try ChildProcess(
                "/bin/bash", ["-c", "cd '\(bench.directory.path)' && . ./load \($0)"], environment: environment)
        }
        for round in 1...10 * max(1, min(5, TestScale.factor)) {
            try self.round(round, bench, proof, &generator)
        }
        try bench.done("touch stop")
        for process in others { proof.check(try process.wait().status == 0, "a process of the load failed") }
        let failures = try bench.done("cat failures 2>/dev/null || true")
        proof.check(failures.isEmpty, "the load was disturbed: \(failures)")
        for number in try bench.done("cat count1 count2").split(separator: "\n") {
            proof.note("versions made and deleted meanwhile", Int(number) ?? 0)
        }
        try bench.expectSound("the end")
        let lost = proof.report("backups of a store in use")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.count("copies") >= 10 && proof.count("backups killed") >= 3)
        #expect(proof.count("versions made and deleted meanwhile") >= 10)
    }

    /// A snapshot is acknowledged, a backup is perhaps killed, the next is finished; its copy is checked in whole.
    private func round(_ round: Int, _ bench: CommandBench, _ proof: Proof, _ generator: inout SeededGenerator) throws {
        try bench.write("keep/number", generator.bytes(Int.random(in: 1...20_000, using: &generator)))
        try bench.done("snapstore create keep keep:\(round) -q && cp -a keep keep.\(round)")
        // Some go on from the last, some begin anew.
        if round % 4 == 0 { try bench.done("rm -rf backup") }
        if round % 2 == 0 { try kill(round, bench, proof, &generator) }
        let run = try bench.shell("snapstore store backup backup --json")
        proof.check(run.status == 0, "backup \(round) exits \(run.status): \(run.output)\(run.errors)")
        let check = try bench.shell(
            """
            rm -rf copy out
            snapstore store restore backup --store copy -q && snapstore fsck --read-data -q --store copy || exit 1
            snapstore list --json --store copy | grep '"type":"item"' >list
            for id in $(grep -o '"id":"[0-9a-f]*"' list | cut -d'"' -f4); do
                snapstore restore $id out/$id --store copy -q || exit 2
                echo
            done
            test $(grep -c '"name":"keep"' list) = \(round) || exit 3
            for round in 1 \(round); do
                test "$(snapstore diff keep:$round ./keep.$round --store copy)" = "No differences" || exit 4
            done
            """)
        proof.check(check.status == 0, "copy \(round): \(check.status): \(check.output)\(check.errors)")
        proof.note("copies")
        proof.note("snapshots restored", check.output.count { $0 == "\n" })
        let summary = try JSONText.lines(run.output).last ?? [:]
        proof.note("packs copied", summary["copiedPacks"] as? Int ?? 0)
    }

    /// Kills a backup after a random time, or at a random one of its durable operations. What it leaves is the last
    /// backup, or none.
    private func kill(_ round: Int, _ bench: CommandBench, _ proof: Proof, _ generator: inout SeededGenerator) throws {
        var environment = ["SNAPSTORE_STORE": bench.store]
        let atGate = Bool.random(using: &generator)
        if atGate { environment["SNAPSTORE_KILL_AT_GATE"] = String(Int.random(in: 2...20, using: &generator)) }
        let process = try ChildProcess(
            bench.binary.path, ["store", "backup", bench.directory.file("backup"), "-q"], environment: environment)
        if !atGate {
            usleep(UInt32.random(in: 5_000...40_000, using: &generator))
            process.send(SIGKILL)
        }
        guard try process.wait().status == 137 else { return }
        proof.note("backups killed")
        let left = try bench.shell(
            """
            rm -rf copy
            if test -e backup/BACKUP; then snapstore store restore backup --store copy --verify -q
            else ! snapstore store restore backup --store copy -q; fi
            """)
        proof.check(left.status == 0, "after a kill in \(round): \(left.output)\(left.errors)")
    }
}
