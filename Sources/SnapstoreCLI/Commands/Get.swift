import ArgumentParser
import SnapCore
import SnapDigest
import SnapModel
import Snapstore

struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what is known of a snapshot.",
        discussion: """
            Examples:
              snapstore get tools:1
              snapstore get sha256:… --json
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.") var reference: String

    func run() throws {
        let output = Output(global)
        output.status("get")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let tree = try SnapshotTree(snapshot, reader: try store.reader(org: GlobalOptions.org))
        if !output.isJSON { show(snapshot, tree.manifest, output) }
        try output.summary("", snapshot.fields + configFields(tree.manifest))
    }

    private func show(_ snapshot: SnapshotRecord, _ manifest: Manifest, _ output: Output) {
        var rows = [
            ["digest", snapshot.manifest.description], ["id", snapshot.id.description],
            ["name", snapshot.name], ["tags", snapshot.tags.joined(separator: " ")], ["kind", snapshot.kind],
            ["created", Format.time(milliseconds: snapshot.createdMilliseconds) + " UTC"],
            ["files", String(snapshot.fileCount)], ["size", Format.bytes(snapshot.logicalBytes)],
            ["distinct", Format.bytes(snapshot.uniqueBytes)], ["new", Format.bytes(snapshot.newBytes)],
            ["stored", Format.bytes(snapshot.storedBytes)],
        ]
        for label in snapshot.labels { rows.append(["label", "\(label.key)=\(label.value)"]) }
        if let parent = snapshot.parent { rows.append(["parent", parent.description]) }
        if let platform = manifest.platform { rows.append(["platform", "\(platform.os)/\(platform.architecture)"]) }
        for variable in manifest.config.environment {
            rows.append(["env", escaped(variable.name) + "=" + escaped(variable.value)])
        }
        if let directory = manifest.config.workingDirectory { rows.append(["workdir", escaped(directory)]) }
        if let user = manifest.config.user { rows.append(["user", escaped(user)]) }
        if !manifest.config.entrypoint.isEmpty {
            rows.append(["entrypoint", manifest.config.entrypoint.map(escaped).joined(separator: " ")])
        }
        if let checkpoint = manifest.checkpoint {
            rows.append(["checkpoint", "\(checkpoint.engine ?? "engine unknown") \(checkpoint.version ?? "")"])
        }
        for line in Format.table(rows) { output.item(line, []) }
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
        ]
    }
}
