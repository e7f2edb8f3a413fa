import Foundation
import SnapDigest
import SnapModel
import SnapTrees
import Synchronization
import Testing

/// Random trees of awkward entries: captured, the digest computed by another program too, restored, and compared by a
/// third.
@Suite(.enabled(if: geteuid() == 0, "skipped: not root")) struct RoundTripTests {
    static let count = 12 * (ProcessInfo.processInfo.environment["SNAPSTORE_TEST_SCALE"].flatMap { Int($0) } ?? 1)
    static let seed =
        ProcessInfo.processInfo.environment["SNAPSTORE_TEST_SEED"].flatMap { Int($0) }
        ?? Int.random(in: 0..<1_000_000_000)

    @Test func awkwardTreesComeBack() throws {
        print("seed \(Self.seed), \(Self.count) trees")
        for number in 0..<Self.count {
            let seed = Self.seed + number
            let scratch = try Scratch()
            let source = scratch.path + "/source"
            let target = scratch.path + "/target"
            // Every fifth has paths longer than PATH_MAX.
            try run("make_tree.py", ["\(seed)", source] + (number % 5 == 4 ? ["--deep"] : []))
            let sink = MemoryObjects()
            let result = try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(directory: source)
            let expected = try run("../Tests/Golden/golden.py", ["capture", "--jobs", "1", source])
            #expect("sha256:\(result.manifest.hex)\n" == expected, "seed \(seed): the digests differ")
            let restored = try Restore(load: sink.load).run(manifest: result.manifest, into: target)
            #expect(restored.warnings.isEmpty, "seed \(seed)")
            try run("compare_trees.py", [source, target])
        }
    }

    @discardableResult
    func run(_ script: String, _ arguments: [String]) throws -> String {
        let tools = Vectors.directory.appendingPathComponent("../../tools")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", tools.appendingPathComponent(script).path] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(script) \(arguments): \(output)")
        return output
    }
}

private final class MemoryObjects: ObjectSink, Sendable {
    private let objects = Mutex<[ObjectKey: [UInt8]]>([:])

    func contains(_ key: ObjectKey) throws -> Bool { objects.withLock { $0[key] != nil } }
    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        let copy = Array(bytes)
        objects.withLock { $0[key] = copy }
    }
    @Sendable func load(_ key: ObjectKey) throws -> [UInt8] { try #require(objects.withLock { $0[key] }) }
}

/// A temporary directory that goes with the value, however deep the tree in it.
private final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/snapstore-golden-XXXXXX".utf8CString)
        path = try template.withUnsafeMutableBufferPointer { buffer in
            String(cString: try #require(buffer.baseAddress.flatMap { mkdtemp($0) }))
        }
    }

    deinit {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/rm")
        process.arguments = ["-rf", path]
        try? process.run()
        process.waitUntilExit()
    }
}
