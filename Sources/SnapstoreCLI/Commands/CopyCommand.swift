import ArgumentParser
import SnapClient
import SnapCore
import SnapTransfer
import Snapstore

struct CopyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy a snapshot on a server into one's own organisation there.",
        discussion: """
            Examples:
              snapstore copy acme/tools:1 mine:1
              snapstore copy tools:1 kept:1

            From one's own organisation, or from what another has made public; nothing goes over the network. Another tag \
            than latest that names other content moves with --force only.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "ORG/NAME:TAG, NAME:TAG, or the id of a snapshot on the server.") var reference: String
    @Argument(help: "NAME:TAG of the copy.") var newReference: String
    @Argument(help: "The server's URL (default: the setting `remote`).") var remote: String?
    @Flag(help: "Move a tag that names other content.") var force = false

    func run() throws {
        let output = Output(global)
        output.status("copy")
        let (name, tag) = try SnapshotResolver.parseName(newReference)
        let reference = reference
        let copy = CopyMessage(name: name, tag: tag, force: force)
        let server = try Remote.open(remote)
        let done = try server.closing { server in try await server.copy(server.find(reference).id, copy) }
        output.line(
            "\(done.snapshot.org)/\(name):\(tag) is \(done.snapshot.digest)" + (done.isNew ? "" : ", as before"))
        if let replaced = done.replaced { output.line("  before \(replaced)") }
        try output.summary(
            "",
            [
                ("id", .text(done.snapshot.id)), ("digest", .text(done.snapshot.digest)),
                ("replaced", done.replaced.map { .text($0) } ?? .null),
            ])
    }
}
