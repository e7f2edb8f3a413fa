import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapTrees
import Synchronization
import TestSupport
import Testing

/// Somebody who may write to the target swaps its directories for links that lead outside, again and again, while
/// restores run: nothing outside is touched, whatever the restores answer.
@Suite(.serialized) struct RestoreRaceTests {
    private static let names = ["a", "b", "c", "d", "e", "f"]

    /// The same names everywhere, so that a link that is followed is sure to hit something.
    private func makeTree(_ root: String, _ text: String) throws {
        root.makeDirectory()
        for name in Self.names {
            let directory = root + "/" + name
            directory.makeDirectory(mode: 0o755)
            (directory + "/inner").makeDirectory()
            for file in ["canary", "inner/canary"] + (0..<10).map({ "inner/\($0)" }) {
                try (directory + "/" + file).write(text)
            }
            mkfifo(directory + "/fifo", 0o600)
            (directory + "/canary").setTime(seconds: 1_000_000_000)
        }
    }

    /// Swaps until it is told to stop. Returns how often it did.
    private static func swap(_ target: String, outside: String, stash: String, until isDone: borrowing Atomic<Bool>)
        -> Int
    {
        var swaps = 0
        while !isDone.load(ordering: .relaxed) {
            for name in names + ["a/inner"] {
                let path = target + "/" + name
                guard rename(path, stash) == 0 else {
                    sched_yield()
                    continue
                }
                swaps += symlink(outside + "/" + name, path) == 0 ? 1 : 0
                usleep(UInt32(swaps % 60))
                // It may have been removed, or something made in its place.
                unlink(path)
                if rename(stash, path) != 0 { TemporaryDirectory.removeAll(stash) }
            }
        }
        return swaps
    }

    @Test func `links that come and go are not followed`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source, "from the snapshot")
        let outside = bench.path("outside")
        try makeTree(outside, "outside")
        let before = try bench.capture(outside)
        let proof = Proof("P13")
        let manifest = try bench.capture(bench.source)
        let restores = 150 * TestScale.factor
        let isDone = SharedFlag()
        let swaps = SharedCount()
        let (target, stash) = (bench.target, bench.path("stash"))
        let swapper = try WorkerPool(threads: 1, queueMax: 1)
        try swapper.submit {
            swaps.value.store(
                Self.swap(target, outside: outside, stash: stash, until: isDone.value), ordering: .relaxed)
        }
        var whole = 0
        for number in 0..<restores {
            // Into what is there, or anew.
            if number % 3 == 0 { TemporaryDirectory.removeAll(bench.target) }
            do {
                try bench.restore(manifest) { $0.overwrite = true }
                whole += 1
            } catch is StoreError {}
        }
        isDone.value.store(true, ordering: .relaxed)
        try swapper.wait()
        let count = swaps.value.load(ordering: .relaxed)
        proof.note("restores done", whole)
        proof.note("restores refused", restores - whole)
        proof.note("swaps by links", count)
        proof.check(try bench.capture(outside) == before, "something outside was touched")
        let lost = proof.report("restores while directories of the target are swapped for links that lead outside")
        #expect(lost.isEmpty, "\(lost)")
        #expect(count > restores)
        TemporaryDirectory.removeAll(bench.target)
        try bench.restore(manifest)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    private final class SharedFlag: Sendable {
        let value = Atomic<Bool>(false)
    }

    private final class SharedCount: Sendable {
        let value = Atomic<Int>(0)
    }
}
