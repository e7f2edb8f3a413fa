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
    @Argument(help: "NAME:TAG, a digest, or a record's id.", completion: .snapshot) var references: [String]
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
        let wanted = try wanted(in: store)
        for one in wanted where one.takesSnapshot { try store.refuseIfProtected(one.snapshot) }
        var deleted: [SnapshotRecord] = []
        for one in wanted where try delete(one, in: store, output) { deleted.append(one.snapshot) }
        let unreadable = try Set(wanted.map(\.snapshot.org)).reduce(0) { try $0 + settle($1, store, output) }
        if unreadable > 0 {
            output.warn(
                code: "count_unknown",
                "\(Format.count(Int64(unreadable), "node")) of what was deleted cannot be read, so what they name stays "
                    + "held. To count it anew: snapstore fsck --repair")
        }
        var freed: Int64 = 0
        if purge {
            for snapshot in deleted { freed += try free(snapshot, store, output) }
            output.line("Freed \(Format.bytes(freed))")
        }
        try output.summary(
            deleted.isEmpty || purge ? "" : "Next: snapstore gc frees the room",
            [("deleted", .integer(Int64(deleted.count))), ("freedBytes", .integer(freed))])
    }

    /// Frees at once what a deleted snapshot alone held; says how many bytes.
    private func free(_ snapshot: SnapshotRecord, _ store: Store, _ output: Output) throws -> Int64 {
        do throws(StoreError) {
            let result = try store.purge(snapshot.id, org: snapshot.org)
            for reason in result.reasons { output.line(reason) }
            return result.freedBytes
        } catch {
            guard error.code == .notFound else { throw error }
            output.line(
                "What \(snapshot.id) held is not freed here: another command has just collected it or brought it back.")
            return 0
        }
    }

    /// A delete has been accepted when it comes to this: that there is no room to count what it let go, yet, does not
    /// undo it.
    private func settle(_ org: String, _ store: Store, _ output: Output) throws -> Int {
        do throws(StoreError) {
            return try store.settle(org: org)
        } catch {
            guard error.code == .outOfSpace else { throw error }
            output.note("There is no room to count what was let go: the next command does.")
            return 0
        }
    }

    /// What is to go of one snapshot.
    private struct Wanted {
        let snapshot: SnapshotRecord
        /// Tags of it; nil when the snapshot itself is meant.
        var tags: [SnapshotTag]?

        /// Whether the snapshot goes, too.
        var takesSnapshot: Bool { tags.map { $0.count >= snapshot.tags.count } ?? true }
    }

    /// What the references mean, each snapshot once: so that what is remembered of one has all of its tags.
    private func wanted(in store: Store) throws -> [Wanted] {
        var wanted: [Wanted] = []
        var seen: Set<String> = []
        for reference in references where seen.insert(reference).inserted {
            let snapshot = try global.resolve(reference, in: store)
            let tag = try tagMeant(by: reference, snapshot)
            guard let index = wanted.firstIndex(where: { $0.snapshot.id == snapshot.id }) else {
                wanted.append(Wanted(snapshot: snapshot, tags: tag.map { [$0] }))
                continue
            }
            guard let tag, let tags = wanted[index].tags else {
                wanted[index].tags = nil
                continue
            }
            // `a` and `a:latest` are one.
            if !tags.contains(tag) { wanted[index].tags?.append(tag) }
        }
        return wanted
    }

    /// Says whether the snapshot went, and not only tags of it.
    private func delete(_ wanted: Wanted, in store: Store, _ output: Output) throws -> Bool {
        let snapshot = wanted.snapshot
        if let tags = wanted.tags {
            var isGone = false
            for start in stride(from: 0, to: tags.count, by: Store.tagsAtOnce) {
                let some = Array(tags[start..<min(start + Store.tagsAtOnce, tags.count)])
                isGone = try store.deleteTags(some, of: snapshot.id, org: snapshot.org) != nil
            }
            guard isGone else {
                try showRemoved(tags, of: snapshot, output)
                return false
            }
        } else {
            try store.deleteSnapshot(id: snapshot.id, org: snapshot.org)
        }
        try output.item(
            "Deleted \(snapshot.displayName) (\(Format.short(snapshot.manifest)))",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("deleted", .flag(true)),
            ])
        return true
    }

    private func showRemoved(_ tags: [SnapshotTag], of snapshot: SnapshotRecord, _ output: Output) throws {
        let left = snapshot.tags.filter { !tags.contains($0) }.map(\.description).joined(separator: " ")
        for tag in tags {
            try output.item(
                "Removed the tag \(tag); the snapshot stays as \(left)",
                [
                    ("tag", .text(tag.description)), ("id", .text(snapshot.id.description)), ("deleted", .flag(false)),
                ])
        }
    }

    /// The tag that a reference means; nil when it means the snapshot itself.
    private func tagMeant(by reference: String, _ snapshot: SnapshotRecord) throws -> SnapshotTag? {
        switch try SnapshotResolver.parse(reference).target {
        case .name(let name, let tag, _): SnapshotTag(name: name, tag: tag ?? Reference.defaultTag)
        // A name of hexadecimal digits, unless the digest begins with it.
        case .prefix(let name) where !snapshot.manifest.hex.hasPrefix(name):
            SnapshotTag(name: name, tag: Reference.defaultTag)
        default: nil
        }
    }
}
