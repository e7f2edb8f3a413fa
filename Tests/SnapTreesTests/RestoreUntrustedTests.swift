import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// `--untrusted` leaves out what could harm, and names each.
@Suite(.enabled(if: isRoot, "skipped: not root")) struct RestoreUntrustedTests {
    private func makeTree(_ root: String) throws {
        root.makeDirectory()
        (root + "/d").makeDirectory()
        try (root + "/plain").write("plain")
        for (name, mode) in [("uid", mode_t(0o4755)), ("gid", 0o2755)] {
            try (root + "/" + name).write(name, mode: mode)
        }
        chmod(root + "/d", 0o3777)
        try (root + "/foreign").write("foreign")
        lchown(root + "/foreign", 1000, 0)
        try (root + "/both").write("both")
        lchown(root + "/both", 1000, 1000)
        chmod(root + "/both", 0o6755)
        try (root + "/security").write("security")
        (root + "/security").setAttribute("security.a")
        (root + "/security").setAttribute("user.a")
        (root + "/d").setAttribute("security.d")
        mknod(root + "/null", S_IFCHR | 0o600, deviceNumber(1, 3))
        link(root + "/null", root + "/null2")
        mknod(root + "/disk", S_IFBLK | 0o600, deviceNumber(7, 0))
        mkfifo(root + "/fifo", 0o600)
        symlink("plain", root + "/link")
        lchown(root + "/link", 1000, 1000)
    }

    private static let expected = [
        "both", "both", "d", "d", "disk", "foreign", "gid", "link", "null", "null2", "security", "uid",
    ]

    private func expectHarmless(_ target: String, _ result: RestoreResult, _ comment: String) throws {
        #expect(result.warnings.kept.allSatisfy { $0.code == .untrusted }, "\(comment)")
        let paths = result.warnings.kept.map { String(decoding: $0.path, as: UTF8.self) }.sorted()
        #expect(paths == Self.expected, "\(comment)")
        for name in ["null", "null2", "disk"] { #expect(!(target + "/" + name).exists, "\(comment)") }
        for name in ["plain", "uid", "gid", "d", "foreign", "both", "security", "fifo", "link"] {
            let status = try (target + "/" + name).linkStatus()
            #expect(status.st_uid == 0 && status.st_gid == 0, "\(name), \(comment)")
            #expect(status.st_mode & 0o6000 == 0, "\(name), \(comment)")
        }
        #expect(try (target + "/security").attributeNames() == ["user.a"], "\(comment)")
        #expect(try (target + "/d").attributeNames() == [], "\(comment)")
        #expect(try (target + "/d").status().mode == 0o1777, "\(comment)")
        #expect(try (target + "/both").text() == "both")
    }

    @Test func `into a new directory, over a trusted restore, and over itself`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        let manifest = try bench.capture(bench.source)
        let untrusted: (inout RestoreOptions) -> Void = {
            $0.isUntrusted = true
            $0.overwrite = true
        }
        try expectHarmless(bench.target, try bench.restore(manifest) { $0.isUntrusted = true }, "new")
        try expectHarmless(bench.target, try bench.restore(manifest, untrusted), "over itself")
        let trusted = bench.path("trusted")
        try bench.restore(manifest, into: trusted)
        try TreeTools.expectEqual([(bench.source, trusted)])
        try expectHarmless(trusted, try bench.restore(manifest, into: trusted, untrusted), "over a trusted one")
        try bench.restore(manifest, into: trusted) { $0.overwrite = true }
        try TreeTools.expectEqual([(bench.source, trusted)])
    }

    @Test func `what an interrupted run left out is named when it goes on`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        try (bench.source + "/zzz").write(patternBytes(3000))
        let manifest = try bench.capture(bench.source)
        let load = try bench.loader()
        let counter = Counter()
        let last = try bench.loads(manifest)
        #expect(throws: StoreError.self) {
            try bench.restore(
                manifest,
                load: { key in
                    guard counter.increment() < last else { throw RestoreBench.Stopped() }
                    return try load(key)
                }
            ) { $0.isUntrusted = true }
        }
        #expect(bench.target.marker.exists)
        let result = try bench.restore(manifest) { $0.isUntrusted = true }
        #expect(result.keptFiles > 0)
        try expectHarmless(bench.target, result, "resumed")
    }

    /// A set-group-id directory would hand its group down.
    @Test func `no owner comes from the target either`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        bench.target.makeDirectory()
        lchown(bench.target, 1234, 1234)
        chmod(bench.target, 0o2777)
        let manifest = try bench.capture(bench.source)
        try expectHarmless(bench.target, try bench.restore(manifest) { $0.isUntrusted = true }, "set-group-id target")
    }
}
