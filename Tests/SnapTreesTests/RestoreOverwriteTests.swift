import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapTrees
import TestSupport
import Testing

/// `--overwrite` makes a directory equal to the snapshot, whatever was in it, and touches nothing else.
@Suite struct RestoreOverwriteTests {
    @Test(.enabled(if: isRoot, "skipped: not root")) func `one random tree becomes another`() throws {
        let seed = TestScale.seed("restores over other trees")
        let bench = try RestoreBench()
        let count = 6 * TestScale.factor
        try TreeTools.make(seed, bench.source, "--count", "\(count)")
        let trees = (0..<count).map { "\(bench.source)/\($0)" }
        let manifests = try trees.map { try bench.capture($0) }
        var pairs: [(String, String)] = []
        for (number, manifest) in manifests.enumerated() {
            let copy = bench.path("copy-\(number)")
            try bench.restore(manifests[(number + 1) % count], into: copy)
            try bench.restore(manifest, into: copy) { $0.overwrite = true }
            #expect(try bench.capture(copy) == manifest, "tree \(number) of seed \(seed)")
            pairs.append((trees[number], copy))
        }
        try TreeTools.expectEqual(pairs)
    }

    /// A tree with one of everything.
    private func makeTree(_ root: String) throws {
        for directory in ["", "/d", "/d/e"] { (root + directory).makeDirectory() }
        try (root + "/file").write(patternBytes(100_000))
        try (root + "/small").write("small")
        try (root + "/d/one").write("linked")
        link(root + "/d/one", root + "/d/two")
        symlink("target", root + "/symbolic")
        mkfifo(root + "/fifo", 0o600)
        (root + "/file").setAttribute("user.a")
        (root + "/d").setAttribute("user.d")
        // What is too large for the entry is a chunk.
        (root + "/small").setAttribute("user.large", patternBytes(2000))
        for name in ["/d/e", "/d", ""] { (root + name).setTime(seconds: 1_600_000_000, nanoseconds: 5) }
    }

    /// What somebody did to a restored directory; times of directories change with it.
    static let changes: [(String, @Sendable (String) throws -> Void)] = [
        ("nothing", { _ in }),
        ("an extra file", { try ($0 + "/d/extra").write("extra") }),
        ("an extra tree", { try deepTree($0 + "/extra") }),
        ("a file gone", { unlink($0 + "/small") }),
        ("a directory gone", { TemporaryDirectory.removeAll($0 + "/d") }),
        (
            "a file of the same length and time",
            { root in
                let file = root + "/file"
                let status = try file.status()
                try file.write(patternBytes(100_000, seed: 2))
                file.setTime(seconds: Int(status.modifiedSeconds), nanoseconds: Int(status.modifiedNanoseconds))
            }
        ),
        (
            "a file in place of a directory",
            {
                TemporaryDirectory.removeAll($0 + "/d")
                try ($0 + "/d").write("file")
            }
        ),
        (
            "a directory in place of a file",
            {
                unlink($0 + "/file")
                try deepTree($0 + "/file")
            }
        ),
        (
            "a link in place of a directory",
            {
                TemporaryDirectory.removeAll($0 + "/d")
                symlink("../outside", $0 + "/d")
            }
        ),
        (
            "a link in place of a file",
            {
                unlink($0 + "/file")
                symlink("../outside/canary", $0 + "/file")
            }
        ),
        (
            "a hard link from outside",
            {
                unlink($0 + "/file")
                link($0 + "/../outside/canary", $0 + "/file")
            }
        ),
        (
            "a FIFO in place of a file",
            {
                unlink($0 + "/file"); mkfifo($0 + "/file", 0o644)
            }
        ),
        (
            "a link turned elsewhere",
            {
                unlink($0 + "/symbolic"); symlink("other", $0 + "/symbolic")
            }
        ),
        (
            "links of one file cut",
            {
                unlink($0 + "/d/two"); try ($0 + "/d/two").write("linked")
            }
        ),
        (
            "files of two made one",
            {
                unlink($0 + "/small"); link($0 + "/file", $0 + "/small")
            }
        ),
        (
            "modes changed",
            {
                chmod($0 + "/file", 0o777); chmod($0 + "/d", 0o700); chmod($0, 0o700)
            }
        ),
        (
            "times changed",
            {
                ($0 + "/file").setTime(seconds: 1); ($0 + "/symbolic").setTime(seconds: 1)
            }
        ),
        (
            "attributes added",
            { root in for name in ["/file", "/d", "", "/d/one"] { (root + name).setAttribute("user.extra") } }
        ),
        (
            "attributes changed",
            {
                ($0 + "/file").setAttribute("user.a", []); ($0 + "/d").setAttribute("user.d", [1])
            }
        ),
        (
            "attributes gone",
            {
                try ($0 + "/file").removeAttribute("user.a")
                try ($0 + "/d").removeAttribute("user.d")
            }
        ),
        (
            "default access rules",
            { root in
                for name in ["", "/d"] {
                    (root + name).setAttribute("system.posix_acl_default", TestACL.granting(1000))
                }
                unlink(root + "/small")
                TemporaryDirectory.removeAll(root + "/d/e")
            }
        ),
    ]

    private static func deepTree(_ root: String) throws {
        var path = root
        for _ in 0..<200 {
            path.makeDirectory()
            path += "/d"
        }
        symlink("/", root + "/root")
        symlink("..", root + "/up")
        chmod(root, 0)
    }

    @Test func `any change is undone, and nothing outside is touched`() throws {
        // Attributes of users and access rules are kept on the disk's file system.
        let bench = try RestoreBench()
        try makeTree(bench.source)
        let outside = bench.path("outside")
        outside.makeDirectory()
        try (outside + "/canary").write("canary")
        (outside + "/inner").makeDirectory()
        let before = try bench.capture(outside)
        let manifest = try bench.capture(bench.source)
        var pairs: [(String, String)] = []
        for (number, (name, change)) in Self.changes.enumerated() {
            let target = bench.path("target-\(number)")
            try bench.restore(manifest, into: target)
            try change(target)
            try bench.restore(manifest, into: target) {
                $0.overwrite = true
                $0.verify = true
            }
            #expect(try bench.capture(target) == manifest, "\(name)")
            #expect(try bench.capture(outside) == before, "\(name)")
            pairs.append((bench.source, target))
        }
        try TreeTools.expectEqual(pairs)
    }

    @Test func `what is equal is not written again`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest)
        let before = try (bench.target + "/file").status()
        let result = try bench.restore(manifest) { $0.overwrite = true }
        #expect(try (bench.target + "/file").status() == before)
        #expect(result.keptFiles >= 1)
    }

    @Test func `an unfinished restore of something else gives way`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        let first = try bench.capture(bench.source)
        try bench.restore(first, stoppingAfter: bench.loads(first) - 1)
        try (bench.source + "/new").write("new")
        try bench.restore(try bench.capture(bench.source)) { $0.overwrite = true }
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }
}
