import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Testing

@Suite struct CaptureCheckpointTests {
    private func options(_ fixture: CaptureFixture, pages: [String] = []) -> CaptureOptions {
        var options = CaptureOptions(kind: .checkpoint)
        var checkpoint = CheckpointOptions(directory: fixture.path + "/payload")
        checkpoint.pages = Set(pages.map { Array($0.utf8) })
        checkpoint.engine = "firecracker"
        checkpoint.version = "1.2"
        options.checkpoint = checkpoint
        return options
    }

    private func fixture() throws -> CaptureFixture {
        let fixture = try CaptureFixture()
        mkdir(fixture.path + "/payload", 0o755)
        try fixture.write("../payload/memory", patternBytes(200_000))
        try fixture.write("../payload/state", patternBytes(200_000))
        try fixture.write("../payload/empty", "")
        try fixture.write("file", "of the tree")
        return fixture
    }

    @Test func `the payload is a tree of bare files, pages cut as pages`() throws {
        let fixture = try fixture()
        chmod(fixture.path + "/payload/state", 0o777)
        let sink = MemorySink()
        let result = try Capture(sink: sink, options: options(fixture, pages: ["memory"])).run(directory: fixture.tree)
        let tree = try CapturedTree(sink, result.manifest)
        let checkpoint = try #require(tree.manifest.checkpoint)
        #expect(checkpoint.engine == "firecracker" && checkpoint.version == "1.2" && checkpoint.cpu == nil)
        var cursor = try TreeCursor(root: checkpoint.payload, load: sink.load)
        var entries: [Entry] = []
        while let entry = try cursor.next() { entries.append(entry) }
        #expect(entries.map { String(decoding: $0.name, as: UTF8.self) } == ["empty", "memory", "state"])
        for entry in entries {
            #expect(
                entry.metadata
                    == Metadata(mode: 0o600, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0)))
        }
        guard case .file(let memory) = entries[1].node, case .file(let state) = entries[2].node,
            case .segments(let pages) = memory.body
        else {
            Issue.record("the payload is not what was written")
            return
        }
        #expect(memory.cut == .pages && state.cut == .contentDefined)
        #expect(pages.map(\.size) == [65_536, 65_536, 65_536, 3392])
        #expect(try tree.bytes(memory) == patternBytes(200_000) && tree.bytes(state) == patternBytes(200_000))
        #expect(try tree.bytes("file") == Array("of the tree".utf8))
        #expect(result.fileCount == 4)
    }

    @Test func `a disk image can be the root of a checkpoint`() throws {
        let fixture = try fixture()
        try fixture.write("image", patternBytes(500_000))
        let sink = MemorySink()
        let result = try Capture(sink: sink, options: options(fixture)).run(directory: fixture.at("image"))
        let tree = try CapturedTree(sink, result.manifest)
        guard case .file(let content) = tree.root.node else {
            Issue.record("the root is no file")
            return
        }
        #expect(try tree.bytes(content) == patternBytes(500_000))
    }

    @Test func `a payload of anything but files, or without a named one, is refused`() throws {
        let fixture = try fixture()
        #expect(throws: StoreError.self) {
            try Capture(sink: MemorySink(), options: options(fixture, pages: ["missing"])).run(directory: fixture.tree)
        }
        mkdir(fixture.path + "/payload/directory", 0o755)
        let error = #expect(throws: StoreError.self) {
            try Capture(sink: MemorySink(), options: options(fixture)).run(directory: fixture.tree)
        }
        #expect(error?.message.contains("directory is no regular file") == true)
    }
}
