import ArgumentParser
import SnapClient
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer
import SnapTrees
import Snapstore

struct Push: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send a snapshot to a server: only what it lacks there.",
        discussion: """
            Examples:
              snapstore push tools:1
              snapstore push tools:1 http://127.0.0.1:7770

            It goes to the organisation of the token, which is in SNAPSTORE_TOKEN or in the file that \
            SNAPSTORE_TOKEN_FILE names, under the name and tag given. Another tag than latest that names other content \
            there moves with --force or --if-match only.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "The server's URL (default: the setting `remote`).") var remote: String?
    @Option(help: ArgumentHelp("Only if the tag names this digest there now, or none.", valueName: "digest"))
    var ifMatch: String?
    @Flag(help: "Move a tag that names other content there.") var force = false

    func run() throws {
        let output = Output(global)
        output.status("push")
        let watch = Stopwatch()
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let (name, tag) = try destination(snapshot)
        let reading = try store.beginReading(org: snapshot.org)
        defer { reading.end() }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        var operation = PushOperation()
        (operation.ifMatch, operation.force) = (ifMatch, force)
        let push = operation
        let reader = reading.reader()
        let executor = try StoreError.mapped { try BlockingExecutor(threads: 2) }
        let server = try Remote.open(remote)
        let result = try server.closing { server in
            try await push.run(
                snapshot.manifest, as: name, tag: tag, labels: snapshot.labels, from: reader, to: server,
                executor: executor, progress: progress)
        }
        reporter.stop()
        let pushed = result.snapshot
        let traffic = server.traffic
        let reused = max(0, pushed.uniqueBytes - result.newBytes)
        let title = "\(pushed.org)/\(name)" + (tag.map { ":\($0)" } ?? "")
        output.line("\(title) is \(pushed.digest)" + (result.isNew ? "" : ", as before"))
        if let replaced = result.replaced { output.line("  before \(replaced)") }
        try output.summary(
            "\(Format.bytes(pushed.logicalBytes)), \(Format.bytes(reused)) of it there already; sent "
                + "\(Format.bytes(traffic.sentBytes)) in \(Format.count(traffic.requests, "request")); "
                + Format.seconds(watch.seconds),
            [
                ("id", .text(pushed.id)), ("digest", .text(pushed.digest)),
                ("logicalBytes", .integer(pushed.logicalBytes)), ("reusedBytes", .integer(reused)),
                ("sentBytes", .integer(traffic.sentBytes)), ("requests", .integer(traffic.requests)),
                ("seconds", .number(watch.seconds)),
            ])
    }

    /// The name and tag that it gets there: those by which it was named here.
    private func destination(_ snapshot: SnapshotRecord) throws(StoreError) -> (name: String, tag: String?) {
        switch try SnapshotResolver.parse(reference).target {
        case .name(let name, let tag, _): return (name, tag ?? "latest")
        default: return (snapshot.name, snapshot.tags.first { $0.name == snapshot.name }?.tag)
        }
    }
}

extension RemoteStore {
    /// Runs what speaks to the server, and waits for it.
    func closing<Value: Sendable>(_ body: @escaping @Sendable (RemoteStore) async throws -> Value) throws -> Value {
        try AsyncWait.run { [self] in
            let ended: Result<Value, any Error>
            do { ended = .success(try await body(self)) } catch { ended = .failure(StoreError(mapping: error)) }
            await close()
            return try ended.get()
        }
    }
}
