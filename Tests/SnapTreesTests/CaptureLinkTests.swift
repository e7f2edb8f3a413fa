import Glibc
import SnapIO
import SnapModel
import SnapTrees
import Testing

@Suite struct CaptureLinkTests {
    @Test func `names of one inode are a group, read once`() throws {
        let fixture = try CaptureFixture()
        let bytes = patternBytes(200_000)
        fixture.makeDirectory("a")
        fixture.makeDirectory("b")
        try fixture.write("a/x", bytes)
        link(fixture.at("a/x"), fixture.at("b/y"))
        link(fixture.at("a/x"), fixture.at("a.z"))
        try fixture.write("alone", "alone")
        let (tree, result) = try fixture.capture()
        // By bytes of the whole path: "a.z" comes before "a/x".
        #expect(try tree.linkGroups() == [["a.z", "a/x", "b/y"]])
        #expect(try tree.entry("a/x").node == tree.entry("b/y").node)
        #expect(result.counts.readBytes == UInt64(bytes.count + 5))
        #expect(result.fileCount == 4)
        #expect(result.logicalBytes == UInt64(3 * bytes.count + 5))
        #expect(result.counts.linkGroupsCut == 0)
    }

    @Test func `groups are sorted by their first path; links, FIFOs and sockets may be in them`() throws {
        let fixture = try CaptureFixture()
        symlink("target", fixture.at("m"))
        linkat(AT_FDCWD, fixture.at("m"), AT_FDCWD, fixture.at("c"), 0)
        mkfifo(fixture.at("z"), 0o600)
        link(fixture.at("z"), fixture.at("b"))
        try fixture.write("e", "")
        link(fixture.at("e"), fixture.at("d"))
        let (tree, _) = try fixture.capture()
        #expect(try tree.linkGroups() == [["b", "z"], ["c", "m"], ["d", "e"]])
    }

    @Test func `names outside what is captured are counted in one notice`() throws {
        let fixture = try CaptureFixture()
        for name in ["a", "b", "c"] {
            try fixture.write(name, name)
            link(fixture.at(name), fixture.path + "/outside-" + name)
        }
        link(fixture.at("a"), fixture.at("a2"))
        try fixture.write("inside", "inside")
        link(fixture.at("inside"), fixture.at("left out"))
        let (tree, result) = try fixture.capture { $0.exclude = ExcludePatterns(["left*"]) }
        #expect(try tree.linkGroups() == [["a", "a2"]])
        #expect(result.counts.linkGroupsCut == 4)
        #expect(result.notices.count == 1)
        #expect(result.warnings.isEmpty)
    }

    @Test func `a tree without hard links has no table`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", "a")
        let (tree, _) = try fixture.capture()
        #expect(tree.manifest.links == nil)
    }

    /// 3,000 groups of 3 do not fit into the memory given, so that runs are written and merged.
    @Test func `many groups go through scratch space and come out in order`() throws {
        let count = 3000
        let sink = MemorySink()
        let nodes = (0..<3 * count).map { index in
            ScriptedSource.Node(
                name: "f\(index)", kind: .file, inode: UInt64(1000 + (index * 7919) % (3 * count) / 3), links: 3)
        }
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory), linkMemoryBytesMax: 20_000)
            .run(source: ScriptedSource(nodes))
        var expected: [UInt64: [String]] = [:]
        for node in nodes {
            expected[node.status.inode, default: []].append(String(decoding: node.name, as: UTF8.self))
        }
        let groups = expected.values.filter { $0.count > 1 }.map { $0.sorted() }.sorted { $0[0] < $1[0] }
        #expect(try CapturedTree(sink, result.manifest).linkGroups() == groups)
        #expect(groups.count > count / 2)
    }
}

@Suite struct RecordSorterTests {
    @Test(arguments: [0, 1, 100, 20_000]) func `records come out sorted, from memory or from runs`(count: Int) throws {
        let sorter = RecordSorter(memoryBytesMax: 64 << 10) { try Kernel.openUnnamed(inDirectory: "/tmp") }
        var records = (0..<count).map { patternBytes(($0 * 31) % 97, seed: UInt64($0 % 5000)) }
        for record in records { try sorter.append(record) }
        records.sort { $0.lexicographicallyPrecedes($1) }
        // Two cursors at once do not disturb each other.
        var first = try sorter.cursor()
        var second = try sorter.cursor()
        for record in records.prefix(count / 2) { #expect(try first.next() == record) }
        for record in records { #expect(try second.next() == record) }
        #expect(try second.next() == nil)
        #expect(sorter.isEmpty == (count == 0))
        #expect((sorter.runCount > 1) == (count > 10_000))
    }
}
