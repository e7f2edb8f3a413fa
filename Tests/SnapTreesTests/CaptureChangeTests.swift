import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Synchronization
import Testing

@Suite struct CaptureChangeTests {
    private func capture(_ nodes: [ScriptedSource.Node]) throws -> (CapturedTree, CaptureResult, ScriptedSource.Log) {
        let sink = MemorySink()
        let source = ScriptedSource(nodes)
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(source: source)
        return (try CapturedTree(sink, result.manifest), result, source.log)
    }

    @Test func `a file that changes once is read again, without a word`() throws {
        let fixture = try CaptureFixture()
        let (old, new) = (patternBytes(100_000), patternBytes(120_000, seed: 2))
        try fixture.write("a", old)
        var opened = 0
        let source = try HookedSource(fixture.tree) { event, _ in
            guard event == .open else { return }
            opened += 1
            if opened == 1 { try? fixture.write("a", new) }
        }
        let sink = MemorySink()
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(source: source)
        #expect(try CapturedTree(sink, result.manifest).bytes("a") == new)
        #expect(opened == 2)
        #expect(result.warnings.isEmpty)
    }

    @Test func `a file that a thread keeps rewriting is named, its last reading kept`() throws {
        let fixture = try CaptureFixture()
        let size = 16 << 20
        try fixture.write("busy", patternBytes(size))
        try fixture.write("calm", "calm")
        let file = try Kernel.open(fixture.at("busy"), .readWrite)
        let pool = try WorkerPool(threads: 1, queueMax: 1)
        let rewriter = Rewriter(file)
        try pool.submit { rewriter.rewrite() }
        let (tree, result) = try fixture.capture()
        rewriter.end()
        try pool.wait()
        #expect(result.warnings.kept.map(\.code) == [.changed])
        #expect(result.warnings.kept.first?.path == Array("busy".utf8))
        #expect(try tree.content("busy").length == UInt64(size))
        #expect(try tree.bytes("calm") == Array("calm".utf8))
    }

    /// Writes to a file until told to stop.
    private final class Rewriter: Sendable {
        private let stopped = Atomic(false)
        private let file: Descriptor

        init(_ file: Descriptor) { self.file = file }

        func rewrite() {
            var round: UInt8 = 0
            while !stopped.load(ordering: .relaxed) {
                round &+= 1
                withUnsafeBytes(of: round) { bytes in try? Kernel.write(file, bytes, at: UInt64(round) << 10) }
                usleep(500)
            }
        }

        func end() { stopped.store(true, ordering: .relaxed) }
    }

    @Test(arguments: [1, 3, 4, 100])
    func `changes are waited out three times`(changes: Int) throws {
        var node = ScriptedSource.Node(name: "f", kind: .file, bytes: patternBytes(500))
        // Each reading takes two statuses: before and after.
        node.changes = 2 * changes - 1
        let (tree, result, log) = try capture([node])
        #expect(try tree.bytes("f") == patternBytes(500))
        #expect(log.opened[node.name] == min(changes + 1, 4))
        #expect(result.warnings.kept.map(\.code) == (changes > 3 ? [.changed] : []))
        #expect(result.fileCount == 1)
    }

    @Test(arguments: [0, 10, 64, 65, 400])
    func `a file cut short while it is read is kept as far as it went`(left: Int) throws {
        var node = ScriptedSource.Node(name: "f", kind: .file, bytes: patternBytes(500))
        node.bytes = Array(node.bytes.prefix(left))
        node.changes = 100
        let (tree, result, _) = try capture([node])
        #expect(try tree.bytes("f") == node.bytes)
        #expect(result.warnings.kept.map(\.code) == [.changed])
    }

    @Test func `what vanishes or cannot be read is named and left out`() throws {
        func node(_ name: String, _ kind: NodeStatus.Kind, _ call: ScriptedSource.Call, _ code: CInt)
            -> ScriptedSource.Node
        {
            var node = ScriptedSource.Node(name: name, kind: kind, bytes: patternBytes(100))
            node.failures = [call: code]
            return node
        }
        let (tree, result, _) = try capture([
            node("gone before", .file, .status, ENOENT), node("gone at open", .file, .open, ENOENT),
            node("link gone", .symbolicLink, .target, ENOENT), node("locked", .file, .open, EACCES),
            node("locked directory", .directory, .enter, EACCES), node("no attributes", .fifo, .attributes, EPERM),
            node("bad disk", .file, .read, EIO), node("always another", .file, .open, ELOOP),
            ScriptedSource.Node(name: "good", kind: .file, bytes: [1]),
        ])
        #expect(try tree.names() == [Array("good".utf8)])
        let codes = Dictionary(
            uniqueKeysWithValues: result.warnings.kept.map { (String(decoding: $0.path, as: UTF8.self), $0.code) })
        #expect(
            codes == [
                "gone before": .vanished, "gone at open": .vanished, "link gone": .vanished, "locked": .unreadable,
                "locked directory": .unreadable, "no attributes": .unreadable, "bad disk": .unreadable,
                "always another": .unreadable,
            ])
        #expect(result.counts.entries == 2)
    }

    @Test(arguments: [EMFILE, ENOMEM]) func `a process without resources stops the capture`(code: CInt) throws {
        var node = ScriptedSource.Node(name: "f", kind: .file, bytes: [1])
        node.failures = [.open: code]
        #expect(throws: StoreError.self) { try capture([node]) }
    }

    @Test func `a FIFO that takes a file's name does not stop the walk`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", "was a file")
        let source = try HookedSource(fixture.tree) { event, _ in
            unlink(fixture.at("a"))
            mkfifo(fixture.at("a"), 0o600)
        }
        let sink = MemorySink()
        let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(source: source)
        #expect(try CapturedTree(sink, result.manifest).entry("a").node == .fifo)
    }

    @Test func `a directory that changes while it is walked is named`() throws {
        let fixture = try CaptureFixture()
        fixture.makeDirectory("d")
        try fixture.write("d/a", "a")
        let source = try HookedSource(fixture.tree) { event, _ in
            if event == .open { try? fixture.write("d/later", "x") }
        }
        let result = try Capture(sink: MemorySink(), options: CaptureOptions(kind: .directory)).run(source: source)
        #expect(result.warnings.kept.map(\.path) == [Array("d".utf8)])
    }

    @Test func `the sink's error comes out as it is`() throws {
        final class FullSink: ObjectSink {
            func contains(_ key: ObjectKey) throws -> Bool { false }
            func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
                throw StoreError(.outOfSpace, "The disk is full.")
            }
        }
        let fixture = try CaptureFixture()
        try fixture.write("a", patternBytes(1000))
        let error = #expect(throws: StoreError.self) { try fixture.capture(into: FullSink()) }
        #expect(error?.code == .outOfSpace)
    }

    @Test func `what no entry can hold is named and left out`() throws {
        var node = ScriptedSource.Node(name: "f", kind: .file, bytes: [1])
        node.attributes = (0..<125).map { index in
            SourceAttribute(name: Array("user.\(index)".utf8), value: patternBytes(1024))
        }
        var larger = node
        larger.name = Array("g".utf8)
        for name in ["user.x", "user.y"] {
            larger.attributes.append(SourceAttribute(name: Array(name.utf8), value: patternBytes(1024)))
        }
        let (tree, result, _) = try capture([node, larger, ScriptedSource.Node(name: "h", kind: .fifo)])
        #expect(try tree.names() == [Array("f".utf8), Array("h".utf8)])
        #expect(result.warnings.kept.map(\.code) == [.unsupported])
    }

    @Test func `attributes of one kind of file system are left out and counted`() throws {
        var node = ScriptedSource.Node(name: "f", kind: .file, bytes: [1])
        node.attributes = ["btrfs.compression", "user.a", "system.nfs4_acl"].map {
            SourceAttribute(name: Array($0.utf8), value: [1])
        }
        let (tree, result, _) = try capture([node])
        #expect(try tree.entry("f").metadata.attributes.map(\.name) == [Array("user.a".utf8)])
        #expect(result.counts.foreignAttributes == 2 && result.notices.count == 1)
    }

    @Test func `a cancelled capture stops with the word for it`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", "a")
        let progress = Progress()
        progress.cancel()
        let error = #expect(throws: StoreError.self) {
            try Capture(sink: MemorySink(), options: CaptureOptions(kind: .directory), progress: progress)
                .run(directory: fixture.tree)
        }
        #expect(error?.code == .interrupted)
    }

    @Test func `many warnings are counted and the first kept`() throws {
        let nodes = (0..<1500).map { index in
            var node = ScriptedSource.Node(name: "f\(index)", kind: .file, bytes: [1])
            node.failures = [.open: EACCES]
            return node
        }
        let (_, result, _) = try capture(nodes)
        #expect(result.warnings.count == 1500)
        #expect(result.warnings.kept.count == 1000 && result.warnings.dropped == 500)
    }
}
