import ArgumentParser
import SnapCore

struct Protect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Keep a snapshot from being deleted.",
        discussion: """
            Examples:
              snapstore protect tools:1
              snapstore protect tools:1 --off

            A protected snapshot does not expire either. Its tags can still move.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Flag(help: "Let it be deleted again.") var off = false

    func run() throws {
        let output = Output(global)
        output.status("protect")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        try store.setProtected(!off, id: snapshot.id, org: snapshot.org)
        try output.summary(
            "\(snapshot.displayName) is \(off ? "not protected" : "protected")",
            [("id", .text(snapshot.id.description)), ("protected", .flag(!off))])
    }
}
