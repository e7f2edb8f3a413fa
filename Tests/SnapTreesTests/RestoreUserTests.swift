import Glibc
import SnapDigest
import SnapIO
import SnapTrees
import TestSupport
import Testing

/// The real program run by a user without rights: what is permitted is restored, the rest is named.
@Suite(.serialized, .enabled(if: isRoot, "skipped: not root")) struct RestoreUserTests {
    private static let user = UserBinary.id

    /// Entries of another owner and of the user, some of which the user may not even read once they are finished.
    private func makeTree(_ root: String) throws {
        root.makeDirectory()
        for name in ["locked", "readonly", "zone"] { (root + "/" + name).makeDirectory() }
        try (root + "/own").write("own", mode: 0o4755)
        try (root + "/root").write("root", mode: 0o4755)
        try (root + "/secret").write("secret", mode: 0)
        try (root + "/locked/one").write("linked")
        link(root + "/locked/one", root + "/two")
        try (root + "/readonly/file").write("file", mode: 0o444)
        try (root + "/attributes").write("attributes", mode: 0o444)
        mknod(root + "/device", S_IFCHR | 0o600, deviceNumber(1, 3))
        mkfifo(root + "/fifo", 0o640)
        symlink("nowhere", root + "/link")
        for name in [
            "attributes", "device", "fifo", "link", "locked", "locked/one", "own", "readonly", "readonly/file",
            "secret", "",
        ] {
            lchown(root + "/" + name, Self.user, Self.user)
        }
        chmod(root + "/own", 0o4755)
        (root + "/attributes").setAttribute("user.a")
        (root + "/attributes").setAttribute("trusted.a")
        (root + "/attributes").setAttribute("security.a")
        chmod(root + "/locked", 0)
        chmod(root + "/readonly", 0o555)
        // Longer than the limit that stops the first run; last in order.
        try (root + "/zone/big").write("")
        truncate(root + "/zone/big", 8 << 20)
    }

    private static let expected = [
        "attribute attributes", "attribute attributes", "device device", "link two", "owner root", "owner root",
        "owner zone", "owner zone/big",
    ]

    private func expectRestored(_ target: String) throws {
        #expect(!target.marker.exists)
        let modes: [(String, UInt32)] = [
            ("own", 0o4755), ("root", 0o755), ("secret", 0), ("locked", 0), ("locked/one", 0o644), ("two", 0o644),
            ("readonly", 0o555), ("readonly/file", 0o444), ("attributes", 0o444), ("fifo", 0o640), ("zone/big", 0o644),
        ]
        for (name, mode) in modes {
            let status = try (target + "/" + name).linkStatus()
            #expect(status.st_mode & 0o7777 == mode, "\(name)")
            #expect(status.st_uid == Self.user, "\(name)")
        }
        for (name, text) in [("own", "own"), ("root", "root"), ("secret", "secret"), ("two", "linked")] {
            #expect(try (target + "/" + name).text() == text)
        }
        #expect(try (target + "/attributes").attributeNames() == ["user.a"])
        #expect(!(target + "/device").exists)
        #expect(try (target + "/link").linkStatus().st_mode & S_IFMT == S_IFLNK)
    }

    @Test func `what is permitted is restored, and the rest is named each time`() throws {
        let bench = try RestoreBench()
        chmod(bench.path(""), 0o777)
        try makeTree(bench.source)
        _ = try bench.capture(bench.source, tag: "1")
        let user = try UserBinary(store: bench.storePath)
        // Stopped at the last file, then repeated: what the first run could not do is named by the second too.
        let stopped = try user.run(["restore", "t:1", bench.target], fileBytesMax: 4 << 20)
        // By a signal, or by an error where the signal is ignored.
        #expect([1, 128 + SIGXFSZ].contains(stopped.status), "\(stopped.output)\(stopped.errors)")
        #expect(stopped.status != 1 || stopped.errors.contains("zone/big"))
        #expect(bench.target.marker.exists)
        for options in [[], ["--overwrite"], ["--overwrite", "--verify"]] {
            let run = try user.run(["restore", "t:1", bench.target] + options)
            #expect(run.status == 3, "\(options): \(run.output)\(run.errors)")
            #expect(run.warnings == Self.expected, "\(options)")
            try expectRestored(bench.target)
        }
        let fresh = bench.path("fresh")
        let run = try user.run(["restore", "t:1", fresh])
        #expect(run.status == 3)
        #expect(run.warnings == Self.expected)
        try expectRestored(fresh)
    }

    @Test func `directories deeper than descriptors stay open may be closed to their owner`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        chmod(bench.path(""), 0o777)
        var path = bench.source
        for _ in 0..<300 {
            path.makeDirectory()
            path += "/d"
        }
        chown(bench.source, Self.user, Self.user)
        #expect(CaptureFixture.run("find", bench.source, "-depth", "-exec", "chown", "65534:65534", "{}", "+"))
        #expect(CaptureFixture.run("find", bench.source, "-mindepth", "1", "-depth", "-exec", "chmod", "0", "{}", "+"))
        let manifest = try bench.capture(bench.source, tag: "1")
        let user = try UserBinary(store: bench.storePath)
        let run = try user.run(["restore", "t:1", bench.target])
        #expect(run.status == 0, "\(run.output)\(run.errors)")
        #expect(try bench.capture(bench.target) == manifest)
        let again = try user.run(["restore", "t:1", bench.target, "--overwrite"])
        #expect(again.status == 0, "\(again.output)\(again.errors)")
        #expect(try bench.capture(bench.target) == manifest)
    }
}
