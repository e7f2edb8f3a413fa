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
              snapstore delete tools:1               the tag, and the snapshot with its last tag
              snapstore delete sha256:…              the snapshot with all its tags
              snapstore delete a:1 b:1 --yes         several at once
              snapstore delete tools:stable --purge  and free its room at once

            The room is freed by `snapstore gc`, a day later if not told otherwise; until then `snapstore undelete` brings \
            it back.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "NAME:TAG, a digest, or a record's id.") var references: [String]
    @Flag(help: "Delete several without being asked.") var yes = false
    @Flag(help: "Free what only they held now: it cannot come back.") var purge = false

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
        for reference in wanted {
            let snapshot = try global.resolve(reference, in: store)
            let isOneTagOfSeveral = try tagMeant(by: reference, snapshot) != nil && snapshot.tags.count > 1
            if !isOneTagOfSeveral { try store.refuseIfProtected(snapshot) }
        }
        var deleted: [RecordID] = []
        for reference in wanted {
            if let id = try delete(reference, in: store, output) { deleted.append(id) }
        }
        let unreadable = try settle(store, output)
        if unreadable > 0 {
            output.warn(
                code: "count_unknown",
                "\(Format.count(Int64(unreadable), "node")) of what was deleted cannot be read, so what they name stays "
                    + "held. To count it anew: snapstore fsck --repair")
        }
        var freed: Int64 = 0
        if purge {
            for id in deleted {
                let result = try store.purge(id, org: GlobalOptions.org)
                freed += result.freedBytes
                for reason in result.reasons { output.line(reason) }
            }
            output.line("Freed \(Format.bytes(freed))")
        }
        try output.summary(
            deleted.isEmpty || purge ? "" : "Next: snapstore gc frees the room",
            [("deleted", .integer(Int64(deleted.count))), ("freedBytes", .integer(freed))])
    }

    /// A delete has been accepted when it comes to this: that there is no room to count what it let go, yet, does not
    /// undo it.
    private func settle(_ store: Store, _ output: Output) throws -> Int {
        do throws(StoreError) {
            return try store.settle(org: GlobalOptions.org)
        } catch {
            guard error.code == .outOfSpace else { throw error }
            output.note("There is no room to count what was let go: the next command does.")
            return 0
        }
    }

    /// The snapshot that went; nil when only a tag of it did.
    private func delete(_ reference: String, in store: Store, _ output: Output) throws -> RecordID? {
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
                return nil
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
        return snapshot.id
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
