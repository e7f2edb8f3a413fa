package import SnapCore

/// What the snapshots of a name must be, when one writer alone uses it: an exact copy of the rules, in memory.
package struct NameModel: Sendable {
    package enum Verdict: Hashable, Sendable {
        case refused
        /// The tag names this content already, by this record.
        case same(record: String)
        case set(replaced: String?)
    }

    /// A snapshot that was deleted, and may come back.
    package struct Deleted: Sendable {
        package let record: String
        package let manifest: String
        package let tags: [String]
    }

    /// The record of each tag.
    package private(set) var tags: [String: String] = [:]
    /// The records, oldest first.
    package private(set) var records: [String] = []
    /// The manifest of each record.
    package private(set) var manifests: [String: String] = [:]
    package private(set) var protected: Set<String> = []
    /// The last ones that went, oldest first.
    package private(set) var deleted: [Deleted] = []

    package init() {}

    package func manifest(ofTag tag: String) -> String? { tags[tag].flatMap { manifests[$0] } }

    package func tags(of record: String) -> [String] { tags.filter { $0.value == record }.map(\.key).sorted() }

    /// What setting a tag must answer.
    package func verdict(tag: String, manifest: String, ifMatch: SnapshotDraft.Match?, force: Bool) -> Verdict {
        let existing = entry(tag)
        switch ifMatch {
        case .some(.none):
            guard let existing else { return .set(replaced: nil) }
            return existing.manifest == manifest ? .same(record: existing.record) : .refused
        case .some(.manifest(let expected)):
            guard existing?.manifest == expected else { return .refused }
        case .some(.version):
            // No life of the model asks for one.
            return .refused
        case nil:
            break
        }
        guard let existing else { return .set(replaced: nil) }
        if existing.manifest == manifest { return .same(record: existing.record) }
        return force || ifMatch != nil || tag == "latest" ? .set(replaced: existing.manifest) : .refused
    }

    private func entry(_ tag: String) -> (record: String, manifest: String)? {
        guard let record = tags[tag], let manifest = manifests[record] else { return nil }
        return (record, manifest)
    }

    package mutating func made(_ record: String, manifest: String, tags made: [String]) {
        records.append(record)
        manifests[record] = manifest
        for tag in made { tags[tag] = record }
    }

    package mutating func moved(_ tag: String, to record: String) { tags[tag] = record }

    package mutating func protect(_ record: String, _ isOn: Bool) {
        if isOn { protected.insert(record) } else { protected.remove(record) }
    }

    /// Whether a delete of the tag must be refused: its record would go, and is protected.
    package func refusesToDelete(tag: String) -> Bool {
        guard let record = tags[tag] else { return false }
        return protected.contains(record) && tags(of: record).count == 1
    }

    /// Removes a tag, and its record with its last; returns the record if that went.
    package mutating func deletedTag(_ tag: String) -> String? {
        guard let record = tags[tag] else { return nil }
        guard tags(of: record).count > 1 else {
            delete(record)
            return record
        }
        tags[tag] = nil
        return nil
    }

    package mutating func delete(_ record: String) {
        guard let manifest = manifests.removeValue(forKey: record) else { return }
        deleted.append(Deleted(record: record, manifest: manifest, tags: tags(of: record)))
        if deleted.count > 4 { deleted.removeFirst() }
        records.removeAll { $0 == record }
        tags = tags.filter { $0.value != record }
        protected.remove(record)
    }

    /// A deleted snapshot came back, or is forgotten.
    package mutating func forget(_ record: String) { deleted.removeAll { $0.record == record } }

    /// The records as lines, to be compared with those of the store.
    package var lines: Set<String> {
        Set(
            manifests.map {
                Self.line(
                    record: $0.key, manifest: $0.value, tags: tags(of: $0.key), isProtected: protected.contains($0.key))
            })
    }

    package static func line(record: String, manifest: String, tags: [String], isProtected: Bool) -> String {
        "\(record) \(manifest) \(tags.sorted().joined(separator: ","))\(isProtected ? " protected" : "")"
    }
}
