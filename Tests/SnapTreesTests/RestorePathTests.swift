import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapTrees
import TestSupport
import Testing

/// Where a restore writes to, and which part of a snapshot.
@Suite struct RestorePathTests {
    private func makeTree(_ root: String) throws {
        for directory in ["", "/a", "/a/b", "/c"] { (root + directory).makeDirectory() }
        try (root + "/a/b/file").write(patternBytes(70_000))
        try (root + "/a/x").write("x")
        link(root + "/a/x", root + "/a/b/y")
        link(root + "/a/x", root + "/c/z")
        try (root + "/a/p").write("p")
        link(root + "/a/p", root + "/c/p")
        symlink("/etc", root + "/a/b/link")
        chmod(root + "/a", 0o750)
        (root + "/a").setTime(seconds: 1_000_000_000, nanoseconds: 7)
    }

    @Test(arguments: ["a", "a/", "/a", "a//"]) func `a directory becomes the target, with its links`(path: String)
        throws
    {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let result = try bench.restore(try bench.capture(bench.source)) { $0.path = Array(path.utf8) }
        // Of the links only those below count: x and b/y; p is alone.
        #expect(try (bench.target + "/x").status().links == 2)
        #expect(try (bench.target + "/x").status().inode == (bench.target + "/b/y").status().inode)
        #expect(try (bench.target + "/p").status().links == 1)
        #expect(try (bench.target + "/b/file").contents() == patternBytes(70_000))
        #expect(try bench.target.status().mode == 0o750)
        #expect(try bench.target.status().modifiedNanoseconds == 7)
        #expect(result.fileCount == 4)
    }

    @Test(arguments: ["a/b/file", "a/b/link", "c/z"]) func `one file goes into the target under its name`(path: String)
        throws
    {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest) { $0.path = Array(path.utf8) }
        let name = try #require(path.split(separator: "/").last)
        #expect(
            try Kernel.names(inDirectory: bench.target).map { String(decoding: $0, as: UTF8.self) } == [String(name)])
        let (old, new) = (try (bench.source + "/" + path).linkStatus(), try "\(bench.target)/\(name)".linkStatus())
        #expect(old.st_mode == new.st_mode && old.st_size == new.st_size && old.st_mtim.tv_nsec == new.st_mtim.tv_nsec)
        // Beside other names it needs --overwrite, which leaves them.
        try (bench.target + "/other").write("other")
        TemporaryDirectory.removeAll("\(bench.target)/\(name)")
        let error = #expect(throws: StoreError.self) { try bench.restore(manifest) { $0.path = Array(path.utf8) } }
        #expect(error?.code == .preconditionFailed)
        for _ in 0..<2 {
            try bench.restore(manifest) {
                $0.path = Array(path.utf8)
                $0.overwrite = true
            }
            #expect("\(bench.target)/\(name)".exists)
            #expect(try (bench.target + "/other").text() == "other")
        }
    }

    @Test(arguments: ["nowhere", "a/nowhere", "a/x/y", "a/..", ".", "a/b/link/passwd"])
    func `a path that is not in the snapshot is not found, and nothing is made`(path: String) throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let manifest = try bench.capture(bench.source)
        let error = #expect(throws: StoreError.self) { try bench.restore(manifest) { $0.path = Array(path.utf8) } }
        #expect(error?.code == .notFound)
        #expect(!bench.target.exists)
    }

    @Test func `the target may be new, with parents, or empty, or have what is removed from it`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest, into: bench.path("new/with/parents/"))
        bench.target.makeDirectory(mode: 0o777)
        try bench.restore(manifest)
        try TreeTools.expectEqual([
            (bench.source, bench.target), (bench.source, bench.path("new/with/parents")),
        ])
        let error = #expect(throws: StoreError.self) { try bench.restore(manifest) }
        #expect(error?.code == .preconditionFailed)
        try (bench.path("file")).write("no directory")
        #expect(throws: StoreError.self) { try bench.restore(manifest, into: bench.path("file")) }
        #expect(try bench.path("file").text() == "no directory")
    }

    /// While a private directory is being restored, nobody else may look into it.
    @Test func `a new target is private until it is whole`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest, stoppingAfter: bench.loads(manifest) - 1)
        #expect(try bench.target.status().mode == 0o700)
    }

    @Test func `the files of a checkpoint go into a directory of their own`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let state = bench.path("state")
        state.makeDirectory()
        try (state + "/memory").write(patternBytes(300_000))
        try (state + "/cpu").write("registers")
        let store = bench.storePath
        let binary = try SnapstoreBinary(store: store)
        let created = try binary.run("create", bench.source, "c:1", "--checkpoint", state, "--pages", "memory")
        #expect(created.status == 0, "\(created.errors)")
        let copy = bench.path("copy")
        #expect(try binary.run("restore", "c:1", bench.target, "--checkpoint", copy).status == 0)
        try TreeTools.expectEqual([(bench.source, bench.target)])
        for name in ["memory", "cpu"] {
            #expect(try "\(copy)/\(name)".contents() == "\(state)/\(name)".contents())
        }
        #expect(try copy.status().mode == 0o700)
        #expect(!copy.marker.exists)
        #expect(try binary.run("restore", "c:1", bench.path("again"), "--checkpoint", copy).status == 6)
    }

    @Test func `exit codes of the real program`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        _ = try bench.capture(bench.source, tag: "1")
        let binary = try SnapstoreBinary(store: bench.storePath)
        #expect(try binary.run("restore", "t:1", bench.target, "--path", "no").status == 4)
        #expect(try binary.run("restore", "t:2", bench.target).status == 4)
        #expect(try binary.run("restore", "t:1", bench.target, "--verify", "--sync").status == 0)
        try TreeTools.expectEqual([(bench.source, bench.target)])
        #expect(try binary.run("restore", "t:1", bench.target).status == 6)
        #expect(try binary.run("restore", "t:1", bench.target, "--overwrite", "--path", "a").status == 0)
        try TreeTools.expectEqual([(bench.source + "/a/b", bench.target + "/b")])
    }

    /// A file made in a directory with default access rules does not take them over.
    @Test(.enabled(if: isRoot, "skipped: not root")) func `one file inherits nothing from the target`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        bench.target.makeDirectory()
        #expect(bench.target.setAttribute("system.posix_acl_default", TestACL.granting(1000)))
        chmod(bench.target, 0o2755)
        lchown(bench.target, 0, 1234)
        try bench.restore(try bench.capture(bench.source)) { $0.path = Array("a/p".utf8) }
        #expect(try (bench.target + "/p").attributeNames() == [])
        #expect(try (bench.target + "/p").status().gid == 0)
        #expect(try (bench.target + "/p").status().mode == 0o644)
    }

    @Test func `a snapshot of an unfinished restore is refused before anything is written`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        try bench.source.marker.write("snapstore restore of something\n")
        let manifest = try bench.capture(bench.source)
        for path in ["", ".snapstore-incomplete"] {
            let error = #expect(throws: StoreError.self) { try bench.restore(manifest) { $0.path = Array(path.utf8) } }
            #expect(error?.code == .invalid)
            #expect(!bench.target.exists)
        }
        try bench.restore(manifest) { $0.path = Array("a".utf8) }
    }
}
