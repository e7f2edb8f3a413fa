import ArgumentParser
import Glibc
import SnapCore
import SnapIO
import SnapModel
import Snapstore

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The store's directory (default: $SNAPSTORE_STORE, or ~/.local/share/snapstore).", valueName: "path"))
    var store: String?

    @Flag(help: "Write JSON lines; the last one has the type summary.")
    var json = false

    @Flag(name: .shortAndLong, help: "Say only what was asked for, and what went wrong.")
    var quiet = false

    /// The organisation of a local store.
    static let org = "local"

    /// The organisation that a reference speaks of.
    static func org(of reference: String) -> String { (try? SnapshotResolver.parse(reference))?.org ?? org }

    /// - Throws: ``StoreError/Code/invalid`` when nothing says where the store is.
    func storePath() throws(StoreError) -> String {
        if let store {
            guard !store.isEmpty else { throw StoreError(.invalid, "The path given with --store is empty.") }
            return try Self.absolute(store)
        }
        if let (path, _) = try Settings.value(.store) { return try Self.absolute(path) }
        // The XDG specification wants relative paths to be ignored.
        if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") { return data + "/snapstore" }
        guard let home = environment("HOME") else {
            throw StoreError(
                .invalid, "Nothing says where the store is: HOME is not set.",
                hint: "Give its path with --store or SNAPSTORE_STORE.")
        }
        return try Self.absolute(home) + "/.local/share/snapstore"
    }

    func openStore(create: Bool = false) throws -> Store {
        try Store.open(path: storePath(), create: create, disk: CrashGate.disk())
    }

    func resolve(_ reference: String, in store: Store) throws -> SnapshotRecord {
        try SnapshotResolver(store: store, org: Self.org).resolve(reference)
    }

    /// From the root, and without a slash at the end.
    static func absolute(_ path: String) throws(StoreError) -> String {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard !path.hasPrefix("/") else { return path }
        let current = getcwd(nil, 0)
        defer { free(current) }
        guard let directory = current.flatMap({ String(validatingCString: $0) }) else {
            throw StoreError(
                .invalid, "The path of the store is relative, and the current directory has no name that is UTF-8.",
                hint: "Give the path of the store from / on.")
        }
        return (directory == "/" ? "" : directory) + "/" + path
    }
}

/// The value of an environment variable; nil when it is unset or empty.
func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}

/// How the crash tests drive the real program: `SNAPSTORE_KILL_AT_GATE=n` kills it where its n-th durable operation
/// would begin, `SNAPSTORE_COUNT_GATES=FILE` writes how many there were of each kind.
enum CrashGate {
    static func disk() -> Disk {
        if let path = environment("SNAPSTORE_COUNT_GATES") {
            let counter = GateCounter()
            counted = (counter, path)
            atexit { CrashGate.writeCount() }
            return Disk(observer: counter)
        }
        guard let number = environment("SNAPSTORE_KILL_AT_GATE").flatMap({ Int($0) }) else { return Disk() }
        return Disk(observer: KillAtGate(number))
    }

    // Set once, before any thread is started, and read at exit.
    private nonisolated(unsafe) static var counted: (counter: GateCounter, path: String)?

    private static func writeCount() {
        guard let counted, let file = try? Kernel.open(counted.path, [.writeOnly, .create, .truncate]) else { return }
        try? Array(counted.counter.text.utf8).withUnsafeBytes { try Kernel.writeAll(file, $0) }
    }
}

/// Seconds since a moment.
struct Stopwatch {
    private let start = Kernel.bootNanoseconds()
    var seconds: Double { Double((Kernel.bootNanoseconds() - start) / 1_000_000) / 1000 }
}
