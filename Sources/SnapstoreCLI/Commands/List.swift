import ArgumentParser
import SnapCore
import SnapDigest
import SnapModel

struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List snapshots, newest first.",
        discussion: """
            Examples:
              snapstore list
              snapstore list --name tools
              snapstore list --untagged --json
              snapstore list --deleted
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only this name.") var name: String?
    @Option(help: ArgumentHelp("Only with this label, or this value of it.", valueName: "key[=value]")) var label:
        String?
    @Flag(help: "Only snapshots that every tag has moved away from.") var untagged = false

    @Flag(help: "Snapshots that were deleted and can still come back.") var deleted = false

    func run() throws {
        let output = Output(global)
        output.status("list")
        let store = try global.openStore()
        if deleted { return try listDeleted(store, output) }
        let snapshots = try store.snapshots(org: GlobalOptions.org, name: name).filter(isWanted)
        if output.isJSON {
            for snapshot in snapshots { try output.item("", snapshot.fields) }
        } else if snapshots.isEmpty {
            let isFiltered = name != nil || label != nil || untagged
            output.line(
                isFiltered ? "No such snapshots." : "No snapshots. Make one with: snapstore create DIR NAME")
        } else {
            let rows = snapshots.map { snapshot in
                [
                    Self.title(snapshot.name, snapshot.tags),
                    Format.short(snapshot.manifest), Format.time(milliseconds: snapshot.createdMilliseconds),
                    Format.bytes(snapshot.logicalBytes), Format.bytes(snapshot.newBytes),
                ]
            }
            let heading = ["SNAPSHOT", "DIGEST", "CREATED (UTC)", "SIZE", "NEW"]
            for line in Format.table([heading] + rows, right: [3, 4]) { try output.item(line, []) }
        }
        try output.summary("", [("count", .integer(Int64(snapshots.count)))])
    }

    private func listDeleted(_ store: Store, _ output: Output) throws {
        guard label == nil, !untagged else {
            throw StoreError(.invalid, "--deleted goes with --name alone.")
        }
        let found = try store.deletedSnapshots(org: GlobalOptions.org).filter { name == nil || $0.name == name }
        if output.isJSON {
            for snapshot in found { try output.item("", snapshot.fields) }
        } else if found.isEmpty {
            output.line("Nothing that was deleted is remembered.")
        } else {
            let rows = found.map { snapshot in
                [
                    Self.title(snapshot.name, snapshot.tags),
                    snapshot.id.description, Format.time(milliseconds: snapshot.deletedMilliseconds),
                    Format.bytes(snapshot.logicalBytes),
                ]
            }
            for line in Format.table([["SNAPSHOT", "ID", "DELETED (UTC)", "SIZE"]] + rows, right: [3]) {
                try output.item(line, [])
            }
        }
        try output.summary("", [("count", .integer(Int64(found.count)))])
    }

    private static func title(_ name: String, _ tags: [SnapshotTag]) -> String {
        tags.isEmpty ? "\(name) (untagged)" : tags.map(\.description).joined(separator: " ")
    }

    private func isWanted(_ snapshot: SnapshotRecord) -> Bool {
        if untagged, !snapshot.tags.isEmpty { return false }
        guard let label else { return true }
        return snapshot.labels.contains { $0.key == label || "\($0.key)=\($0.value)" == label }
    }
}

extension SnapshotRecord {
    /// Its tags as they are said beside its name.
    var shortTags: [String] { tags.map { $0.short(beside: name) } }

    /// As JSON shows it.
    var fields: [(String, JSONLine.Value)] {
        [
            ("id", .text(id.description)), ("org", .text(org)), ("name", .text(name)),
            ("tags", .list(shortTags.map { .text($0) })), ("digest", .text(manifest.description)),
            ("kind", .text(kind)),
            ("visibility", .text(visibility.rawValue)), ("parent", parent.map { .text($0.description) } ?? .null),
            ("labels", .object(labels.map { ($0.key, .text($0.value)) })),
            ("createdMilliseconds", .integer(createdMilliseconds)), ("logicalBytes", .integer(logicalBytes)),
            ("uniqueBytes", .integer(uniqueBytes)), ("newBytes", .integer(newBytes)),
            ("storedBytes", .integer(storedBytes)), ("fileCount", .integer(fileCount)),
            ("chunkCount", .integer(chunkCount)), ("protected", .flag(isProtected)),
            ("expiresMilliseconds", expiresMilliseconds.map { .integer($0) } ?? .null),
        ]
    }
}

extension DeletedSnapshot {
    /// As JSON shows it.
    fileprivate var fields: [(String, JSONLine.Value)] {
        [
            ("id", .text(id.description)), ("name", .text(name)),
            ("tags", .list(tags.map { .text($0.description) })), ("digest", .text(manifest.description)),
            ("kind", .text(kind)), ("deletedMilliseconds", .integer(deletedMilliseconds)),
            ("logicalBytes", .integer(logicalBytes)), ("fileCount", .integer(fileCount)),
        ]
    }
}
