import Foundation
import SnapIO
import TestSupport
import Testing

/// `gc --compact` and `get --fragmentation`, as people and scripts see them.
@Suite(.serialized) struct CompactTests {
    /// `a:1` has 12 MiB of files, `a:2` one of eight of them.
    private static let make = """
        mkdir t && (cd t && head -c 12M /dev/urandom | split -b 64K -d -a 3 - f)
        snapstore create t a:1 -q && find t -name 'f*' | grep -v '[08]$' | xargs rm
        snapstore create t a:2 -q
        """

    private func scatter(_ bench: CommandBench, _ reference: String) throws -> [String: Any] {
        let summary = try bench.summary("snapstore get \(reference) --fragmentation --json")
        return try #require(summary["fragmentation"] as? [String: Any])
    }

    @Test func whatIsScatteredIsPutTogether() throws {
        let bench = try CommandBench()
        try bench.done(Self.make)
        let before = try scatter(bench, "a:2")
        let ratio = try #require(before["readAmplification"] as? Double)
        #expect(ratio > 4 && before["decodedBytes"] as? Int ?? 0 > 12_000_000)
        let needed = try #require(before["objectBytes"] as? Int)
        let documented = try Manual.rows("### get").flatMap { Manual.code($0[0]) }
        #expect(Set(before.keys) == Set(documented))
        #expect(try bench.summary("snapstore get a:2 --json")["fragmentation"] is NSNull)
        let text = try bench.done("snapstore get a:2 --fragmentation")
        #expect(text.contains(" times of what is needed\n") && text.contains(" of files, in "), "\(text)")

        let dry = try bench.summary("snapstore gc --compact --dry-run --json")
        #expect(dry["compactedSnapshots"] as? Int == 1 && dry["compactedBytes"] as? Int ?? 0 >= needed * 9 / 10)
        #expect(try scatter(bench, "a:2")["readAmplification"] as? Double == ratio, "it moved something")
        #expect(
            try bench.done("snapstore gc --compact --dry-run").contains("Would move ")
                && bench.summary("snapstore gc --json")["compactedBytes"] as? Int == 0)
        let wet = try bench.summary("snapstore gc --compact --json")
        for key in ["compactedSnapshots", "compactedBytes"] { #expect(wet[key] as? Int == dry[key] as? Int, "\(key)") }
        #expect(try scatter(bench, "a:2")["readAmplification"] as? Double ?? 9 < 1.5)

        let said = try bench.done("snapstore gc --compact")
        #expect(said.contains("Moved 0 B (before compression) for 0 snapshots\n"), "\(said)")
        try bench.done("snapstore restore a:2 out -q && diff -r t out && snapstore restore a:1 whole -q")
        #expect(try bench.done("cat whole/* | wc -c") == "\(12 << 20)\n")
        try bench.expectSound("gc --compact")
    }

    /// Where there is no room for the copies, all stays as it is, and that is said.
    @Test(.enabled(if: Kernel.isRoot, "skipped: not root")) func withoutRoomNothingIsMoved() throws {
        let bench = try CommandBench()
        try bench.done("mkdir disk && mount -t tmpfs -o size=48M none disk")
        defer { _ = try? bench.shell("umount disk") }
        let environment = "export SNAPSTORE_STORE=$PWD/disk/store; set -e"
        let run = try bench.shell(
            """
            \(environment)\n\(Self.make)
            avail=$(df --output=avail -B1 disk | tail -1)
            head -c $((avail - 3000000)) /dev/zero > disk/fill
            snapstore gc --compact
            snapstore fsck --read-data
            rm disk/fill
            snapstore gc --compact
            snapstore fsck --read-data
            """)
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(run.output.contains("There was no room to put some snapshots together"), "\(run.output)")
        #expect(run.output.contains("Moved 0 B (before compression) for 0 snapshots\n"), "\(run.output)")
        #expect(run.output.contains("(before compression) for 1 snapshot\n"), "\(run.output)")
    }
}
