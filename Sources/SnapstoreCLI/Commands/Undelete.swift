import ArgumentParser
import SnapCore
import SnapDigest
import Snapstore

struct Undelete: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring a deleted snapshot back, while its objects are there.",
        discussion: """
            Examples:
              snapstore list --deleted      what can come back
              snapstore undelete tools:1    the last one deleted that had this tag

            A record's id or a digest will do, too. It is a new snapshot of the same content, with the tags that are still free.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "NAME:TAG, a digest, or the record's id that it had.", completion: SnapshotCompletion.deleted)
    var reference: String

    func run() throws {
        let output = Output(global)
        output.status("undelete")
        let store = try global.openStore()
        let deleted = try DeletedResolver(store: store, org: GlobalOptions.org).resolve(reference)
        let (snapshot, taken) = try store.undelete(deleted, org: GlobalOptions.org(of: reference))
        for tag in taken {
            output.warn(
                code: "tag_taken", "The tag \(tag.name):\(tag.tag) names something else by now and stays there.")
        }
        try output.summary(
            "\(snapshot.displayName) is back (\(Format.short(snapshot.manifest)))",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("tags", .list(snapshot.shortTags.map { .text($0) })),
            ])
    }
}
