internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// Holds the rows of snapshots against the record objects that were stored with them: SQLite sees when a page is torn,
/// but not when a letter of a name has become another.
///
/// Tags, sizes, protection, expiry and whether it is public are in the catalogue alone.
struct RecordCheck {
    let store: Store
    let step: MaintenanceStep

    /// Sentences on the rows of an organisation that say something else. What cannot be read is found by others.
    ///
    /// - Complexity: Reads one small object and the manifest of each snapshot.
    func problems(of org: OrgRow) throws -> [String] {
        let reader = try store.reader(org: org.name)
        var problems: [String] = []
        for row in try store.catalogue.read({ try $0.records(org: org.id) }) {
            try step(0, 0)
            guard let object = try? RecordObject.decode(reader.read(ObjectKey(.record, row.object))) else { continue }
            let labels = try store.catalogue.read { try $0.labels(record: row.uid) }
            let manifest = try? Manifest.decode(reader.read(ObjectKey(.manifest, row.manifest)))
            let isSame =
                object.id == row.uid && object.org == org.name && object.name == row.name
                && object.manifest == row.manifest && object.createdMilliseconds == row.createdMilliseconds
                && object.creator.map(Self.read) == row.creator && object.parent == row.parent
                && SnapshotVisibility(rawValue: row.visibility) != nil
                && object.labels.map { [$0.key, Self.read($0.value)] } == labels.map { [$0.key, $0.value] }
                && manifest.map { $0.kind.rawValue == row.kind } ?? true
            if !isSame {
                problems.append(
                    "The snapshot \(escaped(Array(row.name.utf8))) of `\(org.name)` is not what its record says: "
                        + "\(object.name), \(Hex.encode(object.id)).")
            }
        }
        return problems
    }

    /// Text as SQLite gives it back: up to a zero character. Only a record from elsewhere can have one.
    private static func read(_ text: String) -> String {
        String(decoding: text.utf8.prefix { $0 != 0 }, as: UTF8.self)
    }
}
