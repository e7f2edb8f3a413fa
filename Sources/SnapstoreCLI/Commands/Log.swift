import ArgumentParser
import SnapCore
import SnapModel
import Snapstore

struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the history of a name, newest first.",
        discussion: """
            Examples:
              snapstore log tools
              snapstore log tools --limit 10 --json

            Every snapshot of the name is shown, also those that every tag has moved away from.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The name, without a tag.") var name: String
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("Show so many at most.", valueName: "n"))
    var limit: Int?

    func run() throws {
        let output = Output(global)
        output.status("log")
        guard limit ?? 1 > 0 else { throw StoreError(.invalid, "--limit is a number from 1 on.") }
        let (name, org) = try parts()
        let store = try global.openStore()
        let all = try store.snapshots(org: org, name: name)
        guard !all.isEmpty else { throw try unknown(name, org, store) }
        let shown = limit.map { Array(all.prefix($0)) } ?? all
        var parents: [RecordID: String] = [:]
        for case let parent? in shown.map(\.parent) where parents[parent] == nil {
            let found = try store.snapshot(id: parent, org: org)
            parents[parent] = found.map(Self.label) ?? "\(parent) (deleted)"
        }
        if output.isJSON {
            for snapshot in shown { try output.item("", snapshot.fields) }
        } else {
            let rows = shown.map { snapshot in
                [
                    Format.short(snapshot.manifest), Format.time(milliseconds: snapshot.createdMilliseconds),
                    Format.bytes(snapshot.logicalBytes), Format.bytes(snapshot.newBytes),
                    snapshot.tags.isEmpty ? "-" : snapshot.shortTags.joined(separator: " "),
                    snapshot.parent.flatMap { parents[$0] } ?? "-",
                ]
            }
            let heading = ["DIGEST", "CREATED (UTC)", "SIZE", "NEW", "TAGS", "PARENT"]
            for line in Format.table([heading] + rows, right: [2, 3]) { try output.item(line, []) }
            if shown.count < all.count { output.note("\(all.count - shown.count) older ones are not shown.") }
        }
        try output.summary("", [("name", .text(name)), ("count", .integer(Int64(shown.count)))])
    }

    private static func label(_ snapshot: SnapshotRecord) -> String {
        snapshot.tags.isEmpty ? "\(snapshot.name)@\(Format.short(snapshot.manifest))" : snapshot.displayName
    }

    private func parts() throws -> (name: String, org: String) {
        let words = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = words.last, SnapshotName.isValid(name), words.dropLast().allSatisfy(SnapshotName.isValid)
        else {
            throw StoreError(
                .invalid, "`\(escaped(Array(self.name.utf8)))` is no name of snapshots.",
                hint: "The history is of a name: give it without a tag or digest.")
        }
        return (name, words.count == 2 ? words[0] : GlobalOptions.org)
    }

    private func unknown(_ name: String, _ org: String, _ store: Store) throws -> StoreError {
        let names = try store.snapshots(org: org).map(\.name)
        let nearest = Nearest.to(name, among: names)
        return StoreError(
            .notFound, "There is no snapshot named `\(name)`.",
            hint: nearest.map { "Did you mean `\($0)`?" } ?? "See what there is with `snapstore list`.")
    }
}
