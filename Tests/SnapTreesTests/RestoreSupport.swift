import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Synchronization
import TestSupport
import Testing

/// A real store in memory, and room for trees.
final class RestoreBench {
    private let memory = TemporaryDirectory(in: "/dev/shm")
    private let trees: TemporaryDirectory
    let store: Store
    var storePath: String { memory.file("store") }
    var source: String { path("source") }
    var target: String { path("target") }

    /// - Parameter parent: Where trees lie: `/tmp` for those that are about file systems.
    init(trees parent: String = "/tmp") throws {
        trees = TemporaryDirectory(in: parent)
        store = try Store.open(path: memory.file("store"), create: true)
    }

    deinit { store.close() }

    func path(_ name: String) -> String { trees.file(name) }

    /// Captures a directory into the store. Returns the manifest.
    func capture(_ directory: String, tag: String? = nil) throws -> Digest {
        let session = try store.beginSession(.create, org: "local")
        defer { session.end() }
        let result = try Capture(sink: SessionSink(session, org: "local"), options: CaptureOptions(kind: .directory))
            .run(directory: directory)
        #expect(result.warnings.kept == [])
        var draft = SnapshotDraft(name: "t", tag: tag, manifest: result.manifest, kind: result.kind.rawValue)
        draft.fileCount = Int64(clamping: result.fileCount)
        return try session.commit(draft).record.manifest
    }

    func loader() throws -> SharedObjectLoader {
        let reader = try store.reader(org: "local")
        return { try reader.read($0) }
    }

    @discardableResult
    func restore(
        _ manifest: Digest, into directory: String? = nil, _ configure: (inout RestoreOptions) -> Void = { _ in }
    ) throws -> RestoreResult {
        try restore(manifest, into: directory, load: loader(), configure)
    }

    /// Restores objects that come from somewhere else, or not at all.
    @discardableResult
    func restore(
        _ manifest: Digest, into directory: String? = nil, load: @escaping SharedObjectLoader,
        _ configure: (inout RestoreOptions) -> Void = { _ in }
    ) throws -> RestoreResult {
        var options = RestoreOptions()
        configure(&options)
        return try Restore(load: load, options: options).run(manifest: manifest, into: directory ?? target)
    }

    /// Restores until `count` objects have been read, and then fails, as a machine may at any moment. False when it
    /// ended before.
    func isStopped(_ manifest: Digest, into directory: String, after count: Int) throws -> Bool {
        let load = try loader()
        let loads = Counter()
        do {
            try restore(
                manifest, into: directory,
                load: { key in
                    guard loads.increment() <= count else { throw Stopped() }
                    return try load(key)
                })
            return false
        } catch is StoreError where loads.value > count {
            return true
        }
    }

    func restore(_ manifest: Digest, into directory: String? = nil, stoppingAfter count: Int) throws {
        let isStopped = try isStopped(manifest, into: directory ?? target, after: count)
        #expect(isStopped)
    }

    /// How many objects a restore reads.
    func loads(_ manifest: Digest) throws -> Int {
        let load = try loader()
        let loads = Counter()
        try restore(
            manifest, into: path("counted"),
            load: { key in
                loads.increment()
                return try load(key)
            })
        TemporaryDirectory.removeAll(path("counted"))
        return loads.value
    }

    struct Stopped: Error {}
}

/// Counts calls of a closure.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }

    @discardableResult
    func increment() -> Int { count.add(1, ordering: .relaxed).newValue }
}

/// Lets several threads use what one may use at a time.
func oneAtATime(_ load: @escaping ObjectLoader) -> SharedObjectLoader {
    final class Turn: @unchecked Sendable {
        private let load: ObjectLoader
        private let isTaken = Mutex(())
        init(_ load: @escaping ObjectLoader) { self.load = load }
        func take(_ key: ObjectKey) throws -> [UInt8] { try isTaken.withLock { _ in try load(key) } }
    }
    let turn = Turn(load)
    return { try turn.take($0) }
}

/// The project's programs that make and compare trees without snapstore.
enum TreeTools {
    private static let directory =
        #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined() + "/tools"

    @discardableResult
    static func run(_ tool: String, _ arguments: [String]) throws -> Command {
        try Command.run("/usr/bin/env", ["python3", directory + "/" + tool] + arguments)
    }

    static func make(_ seed: UInt64, _ directory: String, _ options: String...) throws {
        let command = try run("make_tree.py", [String(seed), directory] + options)
        try #require(command.status == 0, "make_tree: \(command.errors)")
    }

    /// Records an issue unless the trees of each pair are equal. Returns how many entries were compared.
    @discardableResult
    static func expectEqual(_ pairs: [(String, String)], _ options: [String] = [], _ comment: String = "") throws
        -> Int
    {
        let command = try run("compare_trees.py", options + pairs.flatMap { [$0.0, $0.1] })
        #expect(command.status == 0, "\(comment): \(command.output.suffix(3000))\(command.errors)")
        let words = command.output.split(separator: "\n").last?.split(separator: " ") ?? []
        return words.first.flatMap { Int($0) } ?? 0
    }
}

// MARK: Making trees by hand

extension String {
    func makeDirectory(mode: mode_t = 0o755) { mkdir(self, mode) }

    /// Writes a file with this text and these permissions.
    func write(_ text: String, mode: mode_t = 0o644) throws {
        try write(Array(text.utf8))
        chmod(self, mode)
    }

    func contents() throws -> [UInt8] { try Kernel.readFile(self, limit: 64 << 20) }
    func text() throws -> String { String(decoding: try contents(), as: UTF8.self) }
    func status() throws -> FileStatus { try Kernel.status(path: self) }

    /// Status of the name itself, links not followed.
    func linkStatus() throws -> stat {
        var status = stat()
        guard lstat(self, &status) == 0 else { throw IOError(errno: errno, operation: "lstat", path: self) }
        return status
    }

    var exists: Bool {
        var status = stat()
        return lstat(self, &status) == 0
    }

    func setTime(seconds: Int, nanoseconds: Int = 0) {
        let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
        withUnsafePointer(to: (time, time)) { pair in
            _ = pair.withMemoryRebound(to: timespec.self, capacity: 2) {
                utimensat(AT_FDCWD, self, $0, AT_SYMLINK_NOFOLLOW)
            }
        }
    }

    @discardableResult
    func setAttribute(_ name: String, _ value: [UInt8] = Array("value".utf8)) -> Bool {
        do {
            try Kernel.setAttribute(in: try place(), try leaf(), Array(name.utf8), value)
            return true
        } catch {
            return false
        }
    }

    func attribute(_ name: String) -> [UInt8]? {
        try? Kernel.attribute(in: try place(), try leaf(), Array(name.utf8))
    }

    func attributeNames() throws -> [String] {
        try Kernel.attributeNames(in: try place(), try leaf()).map { String(decoding: $0, as: UTF8.self) }.sorted()
    }

    /// Of a file or directory.
    func removeAttribute(_ name: String) throws {
        try Kernel.removeAttribute(try Kernel.open(self, .readOnly), Array(name.utf8))
    }

    private func place() throws -> Descriptor {
        let slash = try #require(lastIndex(of: "/"))
        return try Kernel.open(String(self[..<slash]), [.readOnly, .directory])
    }

    private func leaf() throws -> [UInt8] { Array(try #require(split(separator: "/").last).utf8) }

    /// The name that marks an unfinished restore of this directory.
    var marker: String { self + "/.snapstore-incomplete" }
}

/// The number of a device node, as glibc's makedev makes it.
func deviceNumber(_ major: UInt64, _ minor: UInt64) -> dev_t {
    dev_t((major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & 0xffff_ff00) << 12 | minor & 0xff)
}

enum TestACL {
    /// An access control list that gives `uid` all rights, as the kernel keeps it.
    static func granting(_ uid: UInt32) -> [UInt8] {
        let rows: [(UInt16, UInt16, UInt32)] = [
            (1, 7, .max), (2, 7, uid), (4, 5, .max), (16, 7, .max), (32, 0, .max),
        ]
        return [2, 0, 0, 0]
            + rows.flatMap { tag, permissions, id in
                [UInt8(tag), 0, UInt8(permissions), 0]
                    + (0..<4).map { UInt8(truncatingIfNeeded: id >> (8 * UInt32($0))) }
            }
    }
}

/// The real program as a user without rights: a copy of it, and a store that is this user's.
struct UserBinary {
    static let id: UInt32 = 65_534
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private let store: String

    init(store: String) throws {
        self.store = store
        chmod(directory.path, 0o755)
        let path = try SnapstoreBinary(store: store).path
        let copied = try Command.run("/bin/cp", [path, directory.file("snapstore")])
        try #require(copied.status == 0, "\(copied.errors)")
        let slash = try #require(store.lastIndex(of: "/"))
        chmod(String(store[..<slash]), 0o755)
        let given = try Command.run("/bin/chown", ["-R", "\(Self.id):\(Self.id)", store])
        try #require(given.status == 0, "\(given.errors)")
    }

    /// - Parameter fileBytesMax: The process is killed when it makes a file longer than that.
    func run(_ arguments: [String], fileBytesMax: Int? = nil) throws -> Command {
        let limit = fileBytesMax.map { ["/usr/bin/prlimit", "--fsize=\($0)"] } ?? []
        return try Command.run(
            "/usr/bin/setpriv",
            ["--reuid=\(Self.id)", "--regid=\(Self.id)", "--clear-groups"] + limit + [directory.file("snapstore")]
                + arguments + ["--store", store, "--json"])
    }
}

extension Command {
    /// The warnings of a command that was given `--json`, as `code path`, sorted.
    var warnings: [String] {
        output.split(separator: "\n").filter { $0.hasPrefix(#"{"type":"warning""#) }.map { line in
            "\(Self.field("code", line)) \(Self.field("path", line))"
        }.sorted()
    }

    private static func field(_ name: String, _ line: Substring) -> Substring {
        guard let start = line.firstRange(of: "\"\(name)\":\"")?.upperBound else { return "" }
        return line[start...].prefix { $0 != "\"" }
    }
}
