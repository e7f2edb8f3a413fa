import ArgumentParser
import SnapCore
import SnapDigest
import SnapModel
import SnapTrees
import Snapstore

struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is known of a snapshot.",
        discussion: """
            Examples:
              snapstore get tools:1
              snapstore get sha256:… --json
              snapstore get tools:1 --fragmentation

            --fragmentation reads the snapshot's metadata, and says how far it is scattered over the packs: what a \
            restore must decode for each byte it needs, and how many bytes of files lie together. \
            `snapstore gc --compact` puts together what lies far apart.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Flag(help: "Say how far it is scattered over the packs.") var fragmentation = false

    func run() throws {
        let output = Output(global)
        output.status("get")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let tree = try SnapshotTree(snapshot, reader: try store.reader(org: snapshot.org))
        let scatter = try fragmentation ? measure(snapshot, in: store) : nil
        if !output.isJSON { try show(snapshot, tree.manifest, scatter, output) }
        try output.summary(
            "",
            snapshot.fields + configFields(tree.manifest)
                + [("fragmentation", scatter.map { Self.fields($0) } ?? .null)])
    }

    private func measure(_ snapshot: SnapshotRecord, in store: Store) throws -> Fragmentation {
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        progress.enter(.reading)
        return try store.fragmentation(of: snapshot.manifest, org: snapshot.org) { _, _ in try progress.check() }
    }

    private func show(
        _ snapshot: SnapshotRecord, _ manifest: Manifest, _ scatter: Fragmentation?, _ output: Output
    ) throws {
        var rows = [
            ["digest", snapshot.manifest.description], ["id", snapshot.id.description],
            ["name", snapshot.name], ["tags", snapshot.shortTags.joined(separator: " ")], ["kind", snapshot.kind],
            ["created", Format.time(milliseconds: snapshot.createdMilliseconds) + " UTC"],
            ["files", String(snapshot.fileCount)], ["size", Format.bytes(snapshot.logicalBytes)],
            ["distinct", Format.bytes(snapshot.uniqueBytes)], ["new", Format.bytes(snapshot.newBytes)],
            ["stored", Format.bytes(snapshot.storedBytes)],
        ]
        for label in snapshot.labels { rows.append(["label", "\(label.key)=\(escaped(Array(label.value.utf8)))"]) }
        if snapshot.isProtected { rows.append(["protected", "yes"]) }
        if let at = snapshot.expiresMilliseconds {
            rows.append(["expires", Format.time(milliseconds: at) + " UTC"])
        }
        if let parent = snapshot.parent { rows.append(["parent", parent.description]) }
        if let platform = manifest.platform {
            rows.append(["platform", escaped(Array("\(platform.os)/\(platform.architecture)".utf8))])
        }
        for variable in manifest.config.environment {
            rows.append(["env", escaped(variable.name) + "=" + escaped(variable.value)])
        }
        if let directory = manifest.config.workingDirectory { rows.append(["workdir", escaped(directory)]) }
        if let user = manifest.config.user { rows.append(["user", escaped(user)]) }
        if !manifest.config.entrypoint.isEmpty {
            rows.append(["entrypoint", manifest.config.entrypoint.map(escaped).joined(separator: " ")])
        }
        if let checkpoint = manifest.checkpoint { rows += Self.rows(checkpoint) }
        if let scatter { rows += Self.rows(scatter) }
        for line in Format.table(rows) { try output.item(line, []) }
    }

    private static func rows(_ checkpoint: Manifest.Checkpoint) -> [[String]] {
        [
            ("engine", checkpoint.engine), ("version", checkpoint.version), ("cpu", checkpoint.cpu),
            ("kernel", checkpoint.kernel), ("base", checkpoint.base?.description),
        ].compactMap { name, value in value.map { ["checkpoint \(name)", escaped(Array($0.utf8))] } }
    }

    private static func rows(_ scatter: Fragmentation) -> [[String]] {
        [
            ["needed", "\(Format.bytes(scatter.objectBytes)) in \(Format.count(scatter.frames, "frame"))"],
            [
                "decoded",
                "\(Format.bytes(scatter.decodedBytes)) in \(Format.count(scatter.decodedFrames, "frame")), "
                    + "\(Format.ratio(scatter.readAmplification)) of what is needed",
            ],
            [
                "together",
                "\(Format.bytes(scatter.meanRunBytes)) of files, in \(Format.count(scatter.runs, "run"))",
            ],
        ]
    }

    private static func fields(_ scatter: Fragmentation) -> JSONLine.Value {
        .object([
            ("objects", .integer(scatter.objects)), ("objectBytes", .integer(scatter.objectBytes)),
            ("frames", .integer(scatter.frames)), ("decodedFrames", .integer(scatter.decodedFrames)),
            ("decodedBytes", .integer(scatter.decodedBytes)),
            ("readAmplification", .number(scatter.readAmplification)), ("chunkBytes", .integer(scatter.chunkBytes)),
            ("runs", .integer(scatter.runs)), ("meanRunBytes", .integer(scatter.meanRunBytes)),
        ])
    }

    private static func fields(_ checkpoint: Manifest.Checkpoint) -> JSONLine.Value {
        func text(_ value: String?) -> JSONLine.Value { value.map { .text($0) } ?? .null }
        return .object([
            ("base", text(checkpoint.base?.description)), ("cpu", text(checkpoint.cpu)),
            ("engine", text(checkpoint.engine)), ("kernel", text(checkpoint.kernel)),
            ("payload", .text(checkpoint.payload.description)), ("version", text(checkpoint.version)),
        ])
    }

    private func configFields(_ manifest: Manifest) -> [(String, JSONLine.Value)] {
        let config = manifest.config
        return [
            ("root", .text(manifest.root.description)),
            (
                "config",
                .object([
                    ("entrypoint", .list(config.entrypoint.map { .text(escaped($0)) })),
                    (
                        "env",
                        .list(config.environment.map { .list([.text(escaped($0.name)), .text(escaped($0.value))]) })
                    ),
                    ("user", config.user.map { .text(escaped($0)) } ?? .null),
                    ("workdir", config.workingDirectory.map { .text(escaped($0)) } ?? .null),
                ])
            ),
            ("platform", manifest.platform.map { .text("\($0.os)/\($0.architecture)") } ?? .null),
            ("checkpoint", manifest.checkpoint.map { Self.fields($0) } ?? .null),
        ]
    }
}
