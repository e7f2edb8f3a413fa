// What others wait while millions of references are counted.
//
//   swift run -c release long-jobs DIR [OBJECTS]        (a directory that does not exist; 1,500,000 objects)
//
// One process commits a snapshot of so many distinct chunks, deletes it, and collects. Meanwhile another moves a tag, every
// 10 ms, and notes how long each move took from call to answer. Printed are the seconds of each phase, its largest
// write transaction in rows, and the waits of the other process.

import Foundation
import SnapCore
import SnapDigest
import SnapIO
import SnapModel

let org = "local"

/// Commits one snapshot whose file has `chunks` distinct chunks of 64 bytes; two commits differ in all of them.
func commit(_ store: Store, tag: String, chunks: Int) throws {
    let session = try store.beginSession(.create, org: org)
    defer { session.end() }
    var list = ListBuilder(cut: .contentDefined) { kind, bytes in try session.store(kind, bytes) }
    for number in 0..<chunks {
        let bytes = Array("\(tag) \(number) ".utf8) + [UInt8](repeating: 46, count: 48)
        try list.append(.data(try session.store(.chunk, bytes), size: UInt32(bytes.count)))
    }
    let metadata = Metadata(mode: 0o644, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0))
    var tree = TreeBuilder { kind, bytes in try session.store(kind, bytes) }
    try tree.append(Entry(name: Array("file".utf8), metadata: metadata, node: .file(try list.finish())))
    let root = Entry(name: [], metadata: metadata, node: .directory(try tree.finish()))
    let digest = try session.store(.tree, try RootNode.encode(root))
    let manifest = try session.store(.manifest, try Manifest(kind: .directory, root: digest).encode())
    print("\(tag): \(session.newObjects) objects put")
    _ = try session.commit(SnapshotDraft(name: "load", tag: tag, manifest: manifest, kind: "directory"))
}

/// Moves a tag between two snapshots until standard input ends; then prints each wait in microseconds.
func moveTags(_ path: String) throws {
    let store = try Store.open(path: path, create: false)
    defer { store.close() }
    let snapshots = try store.snapshots(org: org, name: "small")
    let isOver = Flag()
    Thread.detachNewThread {
        _ = FileHandle.standardInput.readDataToEndOfFile()
        isOver.set()
    }
    var waits: [(at: Int64, microseconds: Int64)] = []
    while !isOver.isSet {
        let start = Kernel.bootNanoseconds()
        _ = try store.setTag(
            org: org, name: "small", tag: "moving", to: snapshots[waits.count % snapshots.count], ifMatch: nil,
            force: true)
        let end = Kernel.bootNanoseconds()
        waits.append((start, (end - start) / 1000))
        Kernel.sleep(milliseconds: 10)
    }
    print(waits.map { "\($0.at) \($0.microseconds)" }.joined(separator: "\n"))
}

final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool { lock.withLock { value } }
    func set() { lock.withLock { value = true } }
}

struct Phase {
    let name: String
    let start: Int64
    let end: Int64
    let rows: Int
}

func measure(_ name: String, _ store: Store, _ body: () throws -> Void) throws -> Phase {
    _ = store.takeLargestTransaction()
    let start = Kernel.bootNanoseconds()
    try body()
    return Phase(name: name, start: start, end: Kernel.bootNanoseconds(), rows: store.takeLargestTransaction())
}

func percentile(_ sorted: [Int64], _ part: Double) -> String {
    guard !sorted.isEmpty else { return "-" }
    let index = min(sorted.count - 1, Int((Double(sorted.count) * part).rounded(.up)) - 1)
    return String(format: "%.1f", Double(sorted[max(0, index)]) / 1000)
}

func run(_ path: String, chunks: Int) throws {
    let store = try Store.open(path: path, create: true)
    defer { store.close() }
    try commit(store, tag: "warm-up", chunks: 10)
    for number in 0..<2 { try commitSmall(store, number) }

    let mover = Process()
    mover.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    mover.arguments = ["--move", path]
    let (input, output) = (Pipe(), Pipe())
    (mover.standardInput, mover.standardOutput) = (input, output)
    let quiet = Kernel.bootNanoseconds()
    try mover.run()
    Kernel.sleep(milliseconds: 2_000)
    var phases = [Phase(name: "nothing else", start: quiet, end: Kernel.bootNanoseconds(), rows: 0)]
    phases.append(try measure("put and attach", store) { try commit(store, tag: "large", chunks: chunks) })
    phases.append(
        try measure("detach", store) { _ = try store.deleteTag(org: org, name: "load", tag: "large") })
    phases.append(
        try measure("gc", store) {
            var options = GCOptions()
            options.graceMilliseconds = 0
            _ = try store.collectGarbage(options)
        })
    try input.fileHandleForWriting.close()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    mover.waitUntilExit()
    let waits = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int64($0) } }

    print("| phase | seconds | largest transaction, rows | tag moves | p50 ms | p99 ms | max ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for phase in phases {
        let own = waits.filter { $0[0] >= phase.start && $0[0] < phase.end }.map { $0[1] }.sorted()
        let seconds = String(format: "%.1f", Double(phase.end - phase.start) / 1e9)
        print(
            "| \(phase.name) | \(seconds) | \(phase.rows) | \(own.count) | \(percentile(own, 0.5))"
                + " | \(percentile(own, 0.99)) | \(percentile(own, 1)) |")
    }
}

func commitSmall(_ store: Store, _ number: Int) throws {
    let session = try store.beginSession(.create, org: org)
    defer { session.end() }
    let metadata = Metadata(mode: 0o755, uid: 0, gid: UInt32(number), modified: Timestamp(seconds: 0, nanoseconds: 0))
    var tree = TreeBuilder { kind, bytes in try session.store(kind, bytes) }
    let root = Entry(name: [], metadata: metadata, node: .directory(try tree.finish()))
    let digest = try session.store(.tree, try RootNode.encode(root))
    let manifest = try session.store(.manifest, try Manifest(kind: .directory, root: digest).encode())
    _ = try session.commit(SnapshotDraft(name: "small", tag: "\(number)", manifest: manifest, kind: "directory"))
}

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "--move", let path = arguments.last {
    try moveTags(path)
} else if let path = arguments.first {
    try run(path, chunks: arguments.dropFirst().first.flatMap { Int($0) } ?? 1_500_000)
} else {
    print("usage: long-jobs DIR [OBJECTS]")
    exit(2)
}
