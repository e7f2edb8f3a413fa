public import ArgumentParser
import SnapClient
import SnapCore
public import SnapModel
import SnapTransfer
import Snapstore

struct Share: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say who may read a snapshot on a server.",
        discussion: """
            Examples:
              snapstore share tools:1 --visibility public
              snapstore share tools:1 --visibility organization

            A public snapshot is read, pulled and built upon by every organisation of the server. Once it is not public any \
            more, what others have made of it stays whole. The token needs the scope publish:snapshots.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "NAME, NAME:TAG, or the id of a snapshot on the server.") var reference: String
    @Argument(help: "The server's URL (default: the setting `remote`).") var remote: String?
    @Option(help: ArgumentHelp("organization, or public.", valueName: "who")) var visibility: SnapshotVisibility

    func run() throws {
        let output = Output(global)
        output.status("share")
        let (reference, visibility) = (reference, visibility)
        let server = try Remote.open(remote)
        let shared = try server.closing { server in
            try await server.share(visibility, id: server.find(reference).id)
        }
        let name = shared.tags.first.map { "\(shared.org)/\($0)" } ?? shared.id
        try output.summary(
            "\(name) is " + (shared.visibility == "public" ? "public" : "for \(shared.org) alone"),
            [
                ("id", .text(shared.id)), ("digest", .text(shared.digest)), ("visibility", .text(shared.visibility)),
            ])
    }
}

extension SnapshotVisibility: ExpressibleByArgument {}
