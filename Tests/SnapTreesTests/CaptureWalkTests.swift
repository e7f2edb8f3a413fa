import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Testing

@Suite struct CaptureWalkTests {
    @Test func `patterns leave names out, with all that is below a directory`() throws {
        let fixture = try CaptureFixture()
        for directory in ["src", "src/build", "src/deep", "src/deep/build"] { fixture.makeDirectory(directory) }
        for name in ["src/a.c", "src/a.o", "src/build/x", "src/deep/build/y", "src/deep/keep.o", "build"] {
            try fixture.write(name, name)
        }
        let (tree, result) = try fixture.capture { $0.exclude = ExcludePatterns(["build/", "*.o", "!keep.o"]) }
        #expect(try tree.names() == ["build", "src"].map { Array($0.utf8) })
        #expect(try tree.names("src") == ["a.c", "deep"].map { Array($0.utf8) })
        #expect(try tree.names("src/deep") == [Array("keep.o".utf8)])
        #expect(result.counts.excluded == 3)
        #expect(result.fileCount == 3)
    }

    /// With few descriptors the way up is opened again through `..`.
    @Test(arguments: [(3000, 128), (3000, 2), (10_000, 16)])
    func `depth takes neither stack nor descriptors`(depth: Int, openMax: Int) throws {
        let fixture = try CaptureFixture()
        var directory = try Kernel.open(fixture.tree, [.readOnly, .directory])
        for level in 0..<depth {
            if level % 500 == 0 { _ = try Kernel.openBeneath(directory, Array("f".utf8), [.create, .writeOnly]) }
            try Kernel.makeDirectory(in: directory, Array("d".utf8), mode: 0o755)
            directory = try Kernel.openBeneath(directory, Array("d".utf8), [.readOnly, .directory])
        }
        let sink = MemorySink()
        let source = try FileSystemSource(
            root: Kernel.open(fixture.tree, [.readOnly, .directory]), openDirectoriesMax: openMax)
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(source: source)
        #expect(result.counts.entries == UInt64(depth + 1 + (depth + 499) / 500))
        #expect(result.warnings.isEmpty)
        let tree = try CapturedTree(sink, result.manifest)
        let bottom = try tree.entry(Array(repeating: Array("d".utf8), count: depth))
        guard case .directory(let digest) = bottom.node else {
            Issue.record("the deepest entry is no directory")
            return
        }
        #expect(try tree.names(inTree: digest).isEmpty)
    }

    @Test func `a directory moved away is gone back from by name`() throws {
        let fixture = try CaptureFixture()
        for name in ["a", "a/b", "a/b/c", "a/b/c/d", "a/b/c/d/e"] { fixture.makeDirectory(name) }
        try fixture.write("a/b/c/d/e/file", "bottom")
        try fixture.write("a/b/z", "after")
        let source = try HookedSource(fixture.tree, openDirectoriesMax: 2) { event, name in
            if event == .entered, name == Array("e".utf8) { rename(fixture.at("a/b/c"), fixture.path + "/moved") }
        }
        let sink = MemorySink()
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(source: source)
        let tree = try CapturedTree(sink, result.manifest)
        #expect(try tree.bytes("a/b/c/d/e/file") == Array("bottom".utf8))
        #expect(try tree.bytes("a/b/z") == Array("after".utf8))
        #expect(result.warnings.kept.map(\.code) == [.changed, .changed])
    }

    @Test func `the store in the tree is left out, and cannot be the tree`() throws {
        let fixture = try CaptureFixture()
        fixture.makeDirectory("var")
        fixture.makeDirectory("var/store")
        fixture.makeDirectory("var/store/cache")
        try fixture.write("var/store/catalog", "x")
        let (tree, result) = try fixture.capture { $0.storePath = fixture.at("var/store") }
        #expect(try tree.names("var").isEmpty)
        #expect(result.notices.count == 1)
        #expect(throws: StoreError.self) {
            var options = CaptureOptions(kind: .directory)
            options.storePath = fixture.store
            _ = try Capture(sink: MemorySink(), options: options).run(directory: fixture.store)
        }
    }

    @Test(.enabled(if: isRoot, "skipped: not root"))
    func `proc and sysfs are kept empty, other file systems if asked`() throws {
        let fixture = try CaptureFixture()
        for name in ["proc", "sys", "other"] { fixture.makeDirectory(name) }
        defer { for name in ["proc", "sys", "other"] { CaptureFixture.run("umount", fixture.at(name)) } }
        #expect(CaptureFixture.run("mount", "-t", "proc", "proc", fixture.at("proc")))
        #expect(CaptureFixture.run("mount", "-t", "sysfs", "sysfs", fixture.at("sys")))
        #expect(CaptureFixture.run("mount", "-t", "tmpfs", "-o", "mode=711", "tmpfs", fixture.at("other")))
        try fixture.write("other/file", "on another")

        let (all, result) = try fixture.capture()
        #expect(try all.names("proc").isEmpty && all.names("sys").isEmpty)
        #expect(try all.entry("proc").metadata.modified == Timestamp(seconds: 0, nanoseconds: 0))
        #expect(try all.entry("proc").metadata.mode == 0o555)
        #expect(try all.bytes("other/file") == Array("on another".utf8))
        #expect(result.warnings.isEmpty)

        let (one, _) = try fixture.capture { $0.oneFileSystem = true }
        #expect(try one.names("other").isEmpty)
        #expect(try one.entry("other").metadata.mode == 0o711)
    }

    @Test func `a large directory is split and stays in order`() throws {
        let fixture = try CaptureFixture()
        let directory = try Kernel.open(fixture.tree, [.readOnly, .directory])
        let count = 5000 * testScale
        for index in 0..<count {
            _ = try Kernel.openBeneath(directory, Array("file \(index)".utf8), [.create, .writeOnly])
        }
        let (tree, result) = try fixture.capture()
        #expect(result.fileCount == UInt64(count))
        #expect(
            try tree.names() == (0..<count).map { Array("file \($0)".utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        )
    }
}
