import ArgumentParser
import SnapClient
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer
import SnapTrees
import Snapstore

struct Pull: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fetch a snapshot from a server: only what the store lacks.",
        discussion: """
            Examples:
              snapstore pull acme/tools:1
              snapstore pull acme/tools:1 --restore ./tools
              snapstore pull acme/tools http://127.0.0.1:7770

            It is filed as ORG/NAME:TAG, and every byte is checked. What is public may come from anybody: it is restored \
            without set-user-id bits, devices, security attributes and foreign owners, unless --trust is given. The token is in SNAPSTORE_TOKEN or in the file that \
            SNAPSTORE_TOKEN_FILE names.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "ORG/NAME, or ORG/NAME:TAG.") var reference: String
    @Argument(help: "The server's URL (default: the setting `remote`).") var remote: String?
    @Option(help: ArgumentHelp("Write it into this new or empty directory, too.", valueName: "dir"))
    var restore: String?
    @Flag(help: "Restore a public snapshot with set-user-id bits, devices, security attributes and owners.")
    var trust = false

    func run() throws {
        let output = Output(global)
        output.status("pull")
        let watch = Stopwatch()
        guard case .name(let name, let tag, _) = try SnapshotResolver.parse(reference).target else {
            throw StoreError(.invalid, "A pull needs a name: ORG/NAME or ORG/NAME:TAG.")
        }
        let store = try global.openStore(create: true)
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        let executor = try StoreError.mapped { try BlockingExecutor(threads: 2) }
        let wantedTag = tag ?? Reference.defaultTag
        let shown = reference
        let server = try Remote.open(remote)
        let (found, result) = try server.closing { server in
            let found = try await server.find(shown)
            return (
                found,
                try await PullOperation().run(
                    found, tag: wantedTag, from: server, into: store, executor: executor, progress: progress)
            )
        }
        let snapshot = result.commit.record
        if let restore {
            var options = RestoreOptions()
            options.isUntrusted = found.visibility == "public" && !trust
            try self.restore(snapshot, to: restore, options, store, progress, output)
        }
        reporter.stop()
        let traffic = server.traffic
        let reused = max(0, found.uniqueBytes - result.newBytes)
        let title = "\(snapshot.org)/\(name):\(wantedTag)"
        output.line("\(title) is \(snapshot.manifest)" + (result.commit.isNew ? "" : ", as before"))
        if restore == nil { output.line("Next: snapstore restore \(title) DIR") }
        try output.summary(
            "\(Format.bytes(snapshot.logicalBytes)), \(Format.bytes(reused)) of it here already; received "
                + "\(Format.bytes(traffic.receivedBytes)) in \(Format.count(traffic.requests, "request")); "
                + Format.seconds(watch.seconds),
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("logicalBytes", .integer(snapshot.logicalBytes)), ("reusedBytes", .integer(reused)),
                ("receivedBytes", .integer(traffic.receivedBytes)), ("requests", .integer(traffic.requests)),
                ("seconds", .number(watch.seconds)),
            ])
    }

    private func restore(
        _ snapshot: SnapshotRecord, to directory: String, _ options: RestoreOptions, _ store: Store,
        _ progress: Progress, _ output: Output
    ) throws {
        let reading = try store.beginReading(org: snapshot.org)
        defer { reading.end() }
        let result = try Restore(reader: reading.reader(), options: options, progress: progress)
            .run(manifest: snapshot.manifest, into: directory)
        output.warn(result.warnings)
    }
}
