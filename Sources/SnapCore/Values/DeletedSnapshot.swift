internal import FoundationEssentials
internal import SnapCatalogue
package import SnapDigest

/// A snapshot that was deleted, and that can come back while its objects are there.
package struct DeletedSnapshot: Sendable, Hashable {
    package let id: RecordID
    package let name: String
    package let manifest: Digest
    package let kind: String
    package let parent: RecordID?
    package let creator: String?
    package let logicalBytes: Int64
    package let uniqueBytes: Int64
    package let fileCount: Int64
    package let chunkCount: Int64
    /// Those that it had in the end.
    package let tags: [SnapshotTag]
    package let labels: [SnapshotRecord.Label]
    /// Milliseconds since 1970.
    package let deletedMilliseconds: Int64

    /// `NAME:TAG` with the first tag that it had, or the record's id.
    package var displayName: String { tags.first?.description ?? id.description }

    /// - Throws: ``CatalogueError/Code/corrupt``.
    init(_ row: DeletedRecordRow) throws {
        guard let id = RecordID(bytes: row.uid) else {
            throw CatalogueError(.corrupt, "The catalogue holds a record without a proper id: run `snapstore fsck`.")
        }
        self.id = id
        name = row.name
        manifest = row.manifest
        kind = row.kind
        parent = row.parent.flatMap { RecordID(bytes: $0) }
        creator = row.creator
        logicalBytes = row.logicalBytes
        uniqueBytes = row.uniqueBytes
        fileCount = row.fileCount
        chunkCount = row.chunkCount
        tags = try Self.decoded(row.tags)
        labels = try Self.decoded(row.labels)
        deletedMilliseconds = row.deletedMilliseconds
    }

    /// The row that remembers a snapshot.
    static func row(
        _ record: RecordRow, tags: [TagRow], labels: [(key: String, value: String)], deletedMilliseconds: Int64
    ) throws -> DeletedRecordRow {
        DeletedRecordRow(
            record, tags: try encoded(tags.map { SnapshotTag($0) }),
            labels: try encoded(labels.map { SnapshotRecord.Label(key: $0.key, value: $0.value) }),
            deletedMilliseconds: deletedMilliseconds)
    }

    private static func encoded(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    private static func decoded<Value: Decodable>(_ text: String) throws -> Value {
        guard let value = try? JSONDecoder().decode(Value.self, from: Data(text.utf8)) else {
            throw CatalogueError(.corrupt, "The catalogue holds a deleted record that cannot be read.")
        }
        return value
    }
}
