import Glibc
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Synchronization
import Testing

/// Objects in memory, in place of a session.
final class MemorySink: ObjectSink, Sendable {
    private let state = Mutex((objects: [ObjectKey: [UInt8]](), hasDamage: false))

    var objects: [ObjectKey: [UInt8]] { state.withLock { $0.objects } }

    var hasDamage: Bool {
        get { state.withLock { $0.hasDamage } }
        set { state.withLock { $0.hasDamage = newValue } }
    }

    func contains(_ key: ObjectKey) throws -> Bool { state.withLock { $0.objects[key] != nil } }

    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        let copy = Array(bytes)
        state.withLock { state in
            if state.objects[key] == nil { state.objects[key] = copy }
        }
    }

    func remove(_ key: ObjectKey) { state.withLock { $0.objects[key] = nil } }

    @Sendable func load(_ key: ObjectKey) throws -> [UInt8] {
        try #require(state.withLock { $0.objects[key] }, "the capture did not put \(key)")
    }
}

/// A sink that keeps nothing but counts: for captures of millions of entries.
final class CountingSink: ObjectSink {
    private(set) var puts = 0
    private(set) var bytes = 0

    func contains(_ key: ObjectKey) throws -> Bool { false }

    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        puts += 1
        self.bytes += bytes.count
    }
}

/// What a manifest in a sink says, for tests to look into.
struct CapturedTree {
    let sink: MemorySink
    let manifest: Manifest
    let root: Entry

    init(_ sink: MemorySink, _ digest: Digest) throws {
        self.sink = sink
        manifest = try Manifest.decode(try sink.load(ObjectKey(.manifest, digest)))
        root = try RootNode.decode(try sink.load(ObjectKey(.tree, manifest.root)))
    }

    /// The entry at a path of names joined by `/`.
    func entry(_ path: String) throws -> Entry { try entry(path.split(separator: "/").map { Array($0.utf8) }) }

    func entry(_ names: [[UInt8]]) throws -> Entry { try #require(try find(names), "\(names.map(escaped)) is missing") }

    func find(_ names: [[UInt8]]) throws -> Entry? {
        var entry = root
        for name in names {
            guard case .directory(let digest) = entry.node,
                let child = try lookUp(name: name, inTree: digest, load: sink.load)
            else { return nil }
            entry = child
        }
        return entry
    }

    func has(_ path: String) throws -> Bool { try find(path.split(separator: "/").map { Array($0.utf8) }) != nil }

    /// The names in a directory in order.
    func names(_ path: String = "") throws -> [[UInt8]] {
        guard case .directory(let digest) = try entry(path).node else { return [] }
        return try names(inTree: digest)
    }

    func names(inTree digest: Digest) throws -> [[UInt8]] {
        var cursor = try TreeCursor(root: digest, load: sink.load)
        var names: [[UInt8]] = []
        while let entry = try cursor.next() { names.append(entry.name) }
        return names
    }

    func content(_ path: String) throws -> Content {
        guard case .file(let content) = try entry(path).node else {
            Issue.record("\(path) is no file")
            return .empty
        }
        return content
    }

    /// The bytes of a file, holes as zeros.
    func bytes(_ path: String) throws -> [UInt8] { try bytes(try content(path)) }

    func bytes(_ content: Content) throws -> [UInt8] {
        var bytes: [UInt8] = []
        if case .inline(let all) = content.body { return all }
        var cursor = try SegmentCursor(content, load: sink.load)
        while let segment = try cursor.next() {
            switch segment {
            case .data(let digest, let size):
                let chunk = try sink.load(ObjectKey(.chunk, digest))
                #expect(chunk.count == Int(size))
                bytes += chunk
            case .zeros(let size): bytes += [UInt8](repeating: 0, count: Int(size))
            }
        }
        #expect(UInt64(bytes.count) == content.length)
        return bytes
    }

    /// The groups of the link table, as text.
    func linkGroups() throws -> [[String]] {
        guard let links = manifest.links else { return [] }
        var cursor = try SegmentCursor(list: links.list, length: links.length, load: sink.load)
        var reader = LinkTableReader()
        var groups: [[String]] = []
        while let segment = try cursor.next() {
            guard case .data(let digest, _) = segment else { continue }
            reader.append(try sink.load(ObjectKey(.chunk, digest)))
            while let group = try reader.next() {
                groups.append(group.paths.map { String(decoding: $0, as: UTF8.self) })
            }
        }
        try reader.end()
        return groups
    }
}

/// A directory that goes with the value, with a store's directory beside it.
final class CaptureFixture {
    let path: String
    var tree: String { path + "/tree" }
    var store: String { path + "/store" }

    init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/snapstore-capture-XXXXXX".utf8CString)
        path = try #require(
            template.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
            })
        for directory in [tree, store, store + "/cache", store + "/cache/stat"] { mkdir(directory, 0o755) }
    }

    deinit { CaptureFixture.removeTree(path) }

    static func removeTree(_ path: String) {
        // Iterative through the shell: some tests make trees thousands of levels deep.
        run("rm", "-rf", path)
    }

    /// Runs a program and returns whether it succeeded.
    @discardableResult
    static func run(_ arguments: String...) -> Bool {
        var pid = pid_t()
        var argv = arguments.map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        guard posix_spawnp(&pid, arguments[0], nil, nil, &argv, environ) == 0 else { return false }
        var status: CInt = 0
        waitpid(pid, &status, 0)
        return status == 0
    }

    func at(_ name: String) -> String { tree + "/" + name }

    func write(_ name: String, _ bytes: [UInt8], age: Int? = nil) throws {
        let file = try Kernel.open(at(name), [.writeOnly, .create, .truncate], mode: 0o644)
        try bytes.withUnsafeBytes { try Kernel.write(file, $0, at: 0) }
    }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func makeDirectory(_ name: String) { mkdir(at(name), 0o755) }

    /// Captures the tree into `sink`.
    func capture(
        into sink: any ObjectSink, _ configure: (inout CaptureOptions) -> Void = { _ in }
    ) throws -> CaptureResult {
        var options = CaptureOptions(kind: .directory)
        options.storePath = store
        configure(&options)
        return try Capture(sink: sink, options: options).run(directory: tree)
    }

    func capture(_ configure: (inout CaptureOptions) -> Void = { _ in }) throws -> (CapturedTree, CaptureResult) {
        let sink = MemorySink()
        let result = try capture(into: sink, configure)
        return (try CapturedTree(sink, result.manifest), result)
    }
}

/// Bytes that look random and are the same in every run.
func patternBytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}

/// Multiplies counts of the long tests.
var testScale: Int { getenv("SNAPSTORE_TEST_SCALE").flatMap { Int(String(cString: $0)) } ?? 1 }

var isRoot: Bool { geteuid() == 0 }
