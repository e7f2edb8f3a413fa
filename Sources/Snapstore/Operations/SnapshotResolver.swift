package import SnapCore
internal import SnapDigest
package import SnapModel

/// Finds the snapshot that a reference means, and helps when there is none.
package struct SnapshotResolver: Sendable {
    private let store: Store
    /// The organisation that references without one mean.
    private let org: String

    package init(store: Store, org: String) {
        self.store = store
        self.org = org
    }

    /// - Throws: ``StoreError/Code/invalid`` for text that is no reference, ``StoreError/Code/notFound`` with what was
    ///   perhaps meant.
    package func resolve(_ text: String) throws(StoreError) -> SnapshotRecord {
        let reference = try Self.parse(text)
        let org = reference.org ?? org
        switch reference.target {
        case .digest(let digest):
            if let found = try store.snapshots(org: org, manifestFrom: digest, to: digest).first { return found }
        case .record(let bytes):
            if let id = RecordID(Hex.encode(bytes)), let found = try store.snapshot(id: id, org: org) { return found }
        case .prefix(let prefix):
            if let found = try byPrefix(prefix, org: org) { return found }
            if SnapshotName.isValid(prefix), let found = try byTag(prefix, nil, org: org) { return found }
        case .name(let name, let tag, let digest):
            if let found = try byTag(name, tag, org: org) {
                if let digest, found.manifest != digest {
                    throw StoreError(
                        .preconditionFailed, "\(found.displayName) names \(found.manifest), not \(digest).",
                        hint: "Leave out the digest to take what it names now.")
                }
                return found
            }
        }
        throw try notFound(text, org: org)
    }

    package static func parse(_ text: String) throws(StoreError) -> Reference {
        do {
            return try Reference.parse(text)
        } catch {
            throw StoreError(.invalid, error.message)
        }
    }

    /// The name and tag that a reference to be written to means.
    ///
    /// - Parameter org: The organisation that is written to: a reference that names another is refused.
    package static func parseName(_ text: String, org: String = "local") throws(StoreError) -> (
        name: String, tag: String
    ) {
        let reference = try parse(text)
        if let other = reference.org, other != org {
            throw StoreError(
                .invalid, "`\(escaped(Array(text.utf8)))` is a name of the organisation `\(other)`, not of `\(org)`.",
                hint: "Leave out `\(other)/`.")
        }
        switch reference.target {
        case .name(let name, let tag, nil): return (name, tag ?? Reference.defaultTag)
        case .prefix(let name) where SnapshotName.isValid(name): return (name, Reference.defaultTag)
        default:
            throw StoreError(
                .invalid, "`\(escaped(Array(text.utf8)))` is no name to give: use NAME or NAME:TAG.",
                hint: "For example tools:1.")
        }
    }

    private func byTag(_ name: String, _ tag: String?, org: String) throws(StoreError) -> SnapshotRecord? {
        try store.snapshot(org: org, name: name, tag: tag ?? Reference.defaultTag)
    }

    /// The digits filled up with zeros and with ones are the bounds of the digests that begin so.
    private func byPrefix(_ prefix: String, org: String) throws(StoreError) -> SnapshotRecord? {
        let missing = 2 * Digest.byteCount - prefix.utf8.count
        guard let low = Digest(hex: prefix + String(repeating: "0", count: missing)),
            let high = Digest(hex: prefix + String(repeating: "f", count: missing))
        else { return nil }
        let found = try store.snapshots(org: org, manifestFrom: low, to: high)
        let manifests = Set(found.map(\.manifest))
        guard manifests.count <= 1 else {
            throw StoreError(
                .invalid, "`\(prefix)` begins the digests of \(manifests.count) snapshots.", hint: "Give more digits.")
        }
        return found.first
    }

    private func notFound(_ text: String, org: String) throws(StoreError) -> StoreError {
        let names = try store.snapshots(org: org).flatMap { snapshot in
            snapshot.tags.map { $0.tag == Reference.defaultTag ? $0.name : $0.description }
        }
        let message = "There is no snapshot `\(escaped(Array(text.utf8)))`."
        if let nearest = Nearest.to(text, among: names) ?? Self.newest(like: text, among: names) {
            return StoreError(.notFound, message, hint: "Did you mean `\(nearest)`?")
        }
        return StoreError(.notFound, message, hint: "See what there is with `snapstore list`.")
    }
}

extension SnapshotResolver {
    /// The first of `references` whose name, without its tag, is nearest to that of `text`.
    private static func newest(like text: String, among references: [String]) -> String? {
        func name(_ reference: String) -> String { String(reference.prefix { $0 != ":" && $0 != "@" }) }
        guard let nearest = Nearest.to(name(text), among: references.map(name)) else { return nil }
        return references.first { name($0) == nearest }
    }
}

/// The likeliest thing that a mistyped word meant.
package enum Nearest {
    /// The candidate that the fewest edits lead to, if they are at most a third of the word, or that the word begins.
    package static func to(_ word: String, among candidates: [String]) -> String? {
        let word = Array(word.utf8.prefix(256))
        var best: (distance: Int, edits: Int, candidate: String)?
        for candidate in candidates.prefix(10_000) {
            let bytes = Array(candidate.utf8.prefix(256))
            let isPrefix = word.count >= 2 && (bytes.starts(with: word) || word.starts(with: bytes + [58]))
            let edits = editDistance(word, bytes)
            let distance = isPrefix ? min(1, edits) : edits
            if (distance, edits) < (best?.distance ?? .max, best?.edits ?? .max) { best = (distance, edits, candidate) }
        }
        guard let best, best.distance <= max(1, word.count / 3) else { return nil }
        return best.candidate
    }

    /// Levenshtein's distance (Wagner and Fischer 1974), one row at a time.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[right.count]
    }
}
