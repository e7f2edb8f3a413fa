import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// What differs between two trees, and nothing else.
@Suite struct DiffTests {
    private func root(_ manifest: Digest, _ load: ObjectLoader) throws -> Entry {
        try RootNode.decode(load(ObjectKey(.tree, try Manifest.decode(load(ObjectKey(.manifest, manifest))).root)))
    }

    private func diff(
        _ bench: RestoreBench, _ old: Digest, _ new: Digest, ignoringTimes: Bool = false, load: ObjectLoader? = nil
    ) throws -> [TreeChange] {
        let load = try load ?? bench.loader()
        var changes: [TreeChange] = []
        try TreeDiff(old: load, new: load, ignoringTimes: ignoringTimes).run(
            old: root(old, load), new: root(new, load)
        ) { changes.append($0) }
        return changes
    }

    /// `changed a/b (mode, time)` and so on.
    private func texts(_ changes: [TreeChange]) -> [String] {
        changes.map { change in
            let aspects = change.aspects.map(\.rawValue).joined(separator: ", ")
            return "\(change.kind.rawValue) \(escaped(change.path))" + (aspects.isEmpty ? "" : " (\(aspects))")
        }
    }

    private func makeTree(_ root: String) throws {
        for directory in ["", "/d", "/d/e"] { (root + directory).makeDirectory() }
        try (root + "/d/file").write("file")
        try (root + "/d/e/inner").write("inner")
        symlink("target", root + "/d/link")
        mkfifo(root + "/d/fifo", 0o600)
        if isRoot { mknod(root + "/d/device", S_IFCHR | 0o600, deviceNumber(1, 3)) }
        try settle(root)
    }

    /// Gives everything one time, so that only what a test changes differs.
    private func settle(_ root: String) throws {
        #expect(CaptureFixture.run("find", root, "-depth", "-exec", "touch", "-h", "-d", "@1600000000", "{}", "+"))
    }

    private struct Change: Sendable {
        let name: String
        let change: @Sendable (String) throws -> Void
        let expected: [String]
    }

    private static let changes: [Change] = [
        Change(name: "nothing", change: { _ in }, expected: []),
        Change(
            name: "bytes", change: { try ($0 + "/d/file").write("FILE") }, expected: ["changed d/file (content)"]),
        Change(
            name: "length", change: { try ($0 + "/d/file").write("longer") }, expected: ["changed d/file (content)"]),
        Change(name: "mode", change: { chmod($0 + "/d/fifo", 0o640) }, expected: ["changed d/fifo (mode)"]),
        Change(name: "mode of the root", change: { chmod($0, 0o700) }, expected: ["changed  (mode)"]),
        Change(
            name: "target",
            change: {
                unlink($0 + "/d/link")
                symlink("other", $0 + "/d/link")
            }, expected: ["changed d/link (target)"]),
        Change(
            name: "attributes", change: { ($0 + "/d/e").setAttribute("user.a") },
            expected: ["changed d/e (attributes)"]),
        Change(name: "added", change: { try ($0 + "/d/e/new").write("new") }, expected: ["added d/e/new"]),
        Change(name: "removed", change: { unlink($0 + "/d/file") }, expected: ["removed d/file"]),
        Change(
            name: "a directory for a file",
            change: {
                unlink($0 + "/d/file")
                ($0 + "/d/file").makeDirectory(mode: 0o755)
                try ($0 + "/d/file/below").write("below")
                chmod($0 + "/d/file", 0o644)
            }, expected: ["changed d/file (type)", "added d/file/below"]),
        Change(
            name: "a file for a directory",
            change: {
                TemporaryDirectory.removeAll($0 + "/d/e")
                try ($0 + "/d/e").write("file", mode: 0o755)
            }, expected: ["changed d/e (type)", "removed d/e/inner"]),
        Change(
            name: "a directory gone", change: { TemporaryDirectory.removeAll($0 + "/d/e") },
            expected: ["removed d/e", "removed d/e/inner"]),
        Change(
            name: "a socket for a FIFO",
            change: {
                unlink($0 + "/d/fifo")
                mknod($0 + "/d/fifo", S_IFSOCK | 0o600, 0)
            }, expected: ["changed d/fifo (type)"]),
    ]

    @Test(arguments: changes.indices) func `each aspect is told, and only that`(index: Int) throws {
        let change = Self.changes[index]
        let bench = try RestoreBench()
        try makeTree(bench.source)
        let old = try bench.capture(bench.source)
        try change.change(bench.source)
        try settle(bench.source)
        #expect(try texts(diff(bench, old, bench.capture(bench.source))) == change.expected, "\(change.name)")
    }

    @Test(.enabled(if: isRoot, "skipped: not root")) func `owners and devices are told`() throws {
        let bench = try RestoreBench()
        try makeTree(bench.source)
        let old = try bench.capture(bench.source)
        lchown(bench.source + "/d/file", 1, 0)
        lchown(bench.source + "/d/link", 0, 1)
        unlink(bench.source + "/d/device")
        mknod(bench.source + "/d/device", S_IFCHR | 0o600, deviceNumber(1, 5))
        try settle(bench.source)
        #expect(
            try texts(diff(bench, old, bench.capture(bench.source)))
                == ["changed d/device (device)", "changed d/file (owner)", "changed d/link (owner)"])
    }

    @Test func `times are told unless they are to be ignored`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        let old = try bench.capture(bench.source)
        (bench.source + "/d/link").setTime(seconds: 1_600_000_000, nanoseconds: 1)
        (bench.source + "/d").setTime(seconds: 5)
        let new = try bench.capture(bench.source)
        #expect(try texts(diff(bench, old, new)) == ["changed d (time)", "changed d/link (time)"])
        #expect(try diff(bench, old, new, ignoringTimes: true).isEmpty)
    }

    @Test func `directories that are equal are not read`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        for number in 0..<50 {
            "\(bench.source)/\(number)".makeDirectory()
            try "\(bench.source)/\(number)/file".write("\(number)")
        }
        let old = try bench.capture(bench.source)
        try (bench.source + "/7/file").write("other")
        let new = try bench.capture(bench.source)
        let load = try bench.loader()
        let trees = Counter()
        let changes = try diff(
            bench, old, new,
            load: { key in
                if key.kind == .tree { trees.increment() }
                return try load(key)
            })
        #expect(changes.map { escaped($0.path) } == ["7/file"])
        // Root, top directory and the one that differs, of each side.
        #expect(trees.value == 6)
    }

    /// Against a list of all entries, which the test makes for itself.
    @Test(.enabled(if: isRoot, "skipped: not root")) func `random trees: everything that differs is told once`() throws
    {
        let bench = try RestoreBench()
        let seed = TestScale.seed("diffs")
        let count = 4 * TestScale.factor
        try TreeTools.make(seed, bench.source, "--count", "\(count)")
        let manifests = try (0..<count).map { try bench.capture("\(bench.source)/\($0)") }
        for (old, new) in zip(manifests, manifests[1...] + manifests[..<1]) {
            let (left, right) = (try flat(bench, old), try flat(bench, new))
            // Bytes, because text takes different names for equal.
            var expected: Set<[UInt8]> = []
            for (path, entry) in left where right[path].map({ same($0, entry) }) != true {
                expected.insert(Array((right[path] == nil ? "removed" : "changed").utf8) + path)
            }
            for path in right.keys where left[path] == nil { expected.insert(Array("added".utf8) + path) }
            let told = try diff(bench, old, new).map { Array($0.kind.rawValue.utf8) + $0.path }
            #expect(told.count == Set(told).count)
            #expect(Set(told) == expected)
            #expect(try diff(bench, old, old).isEmpty)
        }
    }

    private func flat(_ bench: RestoreBench, _ manifest: Digest) throws -> [[UInt8]: Entry] {
        let load = try bench.loader()
        var all: [[UInt8]: Entry] = [:]
        func add(_ entry: Entry, _ path: [UInt8]) throws {
            all[path] = entry
            guard case .directory(let digest) = entry.node else { return }
            var cursor = try TreeCursor(root: digest, load: load)
            while let child = try cursor.next() { try add(child, path.isEmpty ? child.name : path + [47] + child.name) }
        }
        try add(root(manifest, load), [])
        return all
    }

    private func same(_ left: Entry, _ right: Entry) -> Bool {
        if case .directory = left.node, case .directory = right.node { return left.metadata == right.metadata }
        return left == right
    }

    @Test func `a directory is compared without being stored`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        try makeTree(bench.source)
        try (bench.source + "/large").write(patternBytes(2_000_000))
        let old = try bench.capture(bench.source)
        try (bench.source + "/d/file").write("changed")
        try (bench.source + "/larger").write(patternBytes(3_000_000, seed: 3))
        try settle(bench.source)
        let packs = try bench.store.statistics().packs
        let reading = try bench.store.beginReading(org: "local")
        defer { reading.end() }
        let sink = ComparisonSink(reading)
        let captured = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(directory: bench.source)
        let stored = try bench.loader()
        let load: ObjectLoader = { try sink.node($0) ?? stored($0) }
        let changes = try texts(diff(bench, old, captured.manifest, load: load))
        #expect(changes.contains("changed d/file (content)") && changes.contains("added larger"))
        #expect(try bench.store.statistics().packs == packs)
        #expect(sink.node(ObjectKey(.manifest, captured.manifest)) != nil)
    }

    @Test func `a difference 10,000 directories deep is found`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        let tree = try HostileTree(bench)
        let old = try tree.manifest(try tree.nested(10_000, name: "d", bottom: [HostileTree.file("f", "old")]))
        let new = try tree.manifest(try tree.nested(10_000, name: "d", bottom: [HostileTree.file("f", "new")]))
        let changes = try diff(bench, old, new, load: tree.load)
        #expect(changes.map(\.path.count) == [20_001])
        let empty = try tree.manifest(try tree.directory([]))
        #expect(try diff(bench, empty, new, load: tree.load).count == 10_001)
    }
}
