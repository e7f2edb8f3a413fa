import ArgumentParser
import SnapCore
import SnapDigest
import Snapstore

struct Tag: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a snapshot another tag.",
        discussion: """
            Examples:
              snapstore tag tools:1 tools:stable
              snapstore tag tools:2 tools:stable --if-match sha256:…
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "NAME:TAG to set.") var newReference: String
    @Option(help: ArgumentHelp("Only if the tag names this digest now, or none.", valueName: "digest")) var ifMatch:
        String?
    @Flag(help: "Move a tag that names other content.") var force = false

    func run() throws {
        let output = Output(global)
        output.status("tag")
        let org = GlobalOptions.org(of: newReference)
        let (name, tag) = try SnapshotResolver.parseName(newReference, org: org)
        let match = try ifMatch.map(parseMatch)
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        guard snapshot.org == org else {
            throw StoreError(
                .invalid, "\(snapshot.displayName) belongs to the organisation `\(snapshot.org)`, and so do its tags.",
                hint: "Write \(snapshot.org)/\(name):\(tag).")
        }
        let replaced = try store.setTag(
            org: org, name: name, tag: tag, to: snapshot, ifMatch: match, force: force
        ).replaced
        let before = replaced.map { "\n  before \($0)" } ?? ""
        try output.summary(
            "\(name):\(tag) is \(snapshot.manifest)\(before)",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("replaced", replaced.map { .text($0.description) } ?? .null),
            ])
    }
}
