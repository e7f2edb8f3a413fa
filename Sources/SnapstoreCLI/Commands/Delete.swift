import ArgumentParser
import SnapCore
import SnapDigest
import SnapModel
import Snapstore

struct Delete: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete tags or snapshots.",
        discussion: """
            Examples:
              snapstore delete tools:1           the tag, and the snapshot with its last tag
              snapstore delete sha256:…          the snapshot with all its tags
              snapstore delete a:1 b:1 --yes     several at once

            The room is freed by `snapstore gc`.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "NAME:TAG, a digest, or a record's id.") var references: [String]
    @Flag(help: "Delete several without being asked.") var yes = false

    func run() throws {
        let output = Output(global)
        output.status("delete")
        guard references.count == 1 || yes else {
            throw StoreError(
                .invalid, "\(references.count) snapshots would be deleted.", hint: "Add --yes if you mean it.")
        }
        let store = try global.openStore()
        // All are looked up before the first is deleted, so that a typing error deletes nothing.
        var seen: Set<String> = []
        let wanted = references.filter { seen.insert($0).inserted }
        for reference in wanted { _ = try global.resolve(reference, in: store) }
        var deleted: Int64 = 0
        for reference in wanted {
            if try delete(reference, in: store, output) { deleted += 1 }
        }
        try store.settle(org: GlobalOptions.org)
        try output.summary(
            deleted > 0 ? "Next: snapstore gc frees the room" : "", [("deleted", .integer(deleted))])
    }

    /// Says whether a snapshot went, or only a tag of it.
    private func delete(_ reference: String, in store: Store, _ output: Output) throws -> Bool {
        let snapshot = try global.resolve(reference, in: store)
        if let (name, tag) = try tagMeant(by: reference, snapshot) {
            guard try store.deleteTag(org: GlobalOptions.org, name: name, tag: tag) != nil else {
                let left = snapshot.tags.filter { $0 != tag }.map { "\(name):\($0)" }.joined(separator: " ")
                try output.item(
                    "Removed the tag \(name):\(tag); the snapshot stays as \(left)",
                    [
                        ("tag", .text("\(name):\(tag)")), ("id", .text(snapshot.id.description)),
                        ("deleted", .flag(false)),
                    ])
                return false
            }
        } else {
            try store.deleteSnapshot(id: snapshot.id, org: GlobalOptions.org)
        }
        try output.item(
            "Deleted \(snapshot.displayName) (\(Format.short(snapshot.manifest)))",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("deleted", .flag(true)),
            ])
        return true
    }

    /// The tag that a reference means; nil when it means the snapshot itself.
    private func tagMeant(by reference: String, _ snapshot: SnapshotRecord) throws -> (name: String, tag: String)? {
        switch try SnapshotResolver.parse(reference).target {
        case .name(let name, let tag, _): (name, tag ?? Reference.defaultTag)
        // A name of hexadecimal digits, unless the digest begins with it.
        case .prefix(let name) where !snapshot.manifest.hex.hasPrefix(name): (name, Reference.defaultTag)
        default: nil
        }
    }
}
