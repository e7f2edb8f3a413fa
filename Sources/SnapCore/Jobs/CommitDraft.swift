internal import FoundationEssentials
internal import SnapCatalogue
internal import SnapDigest

/// What a job writes when it ends, kept with the job as JSON so that any process can finish it.
struct JobDraft: Codable, Sendable {
    /// The organisation whose ledger gets the row.
    var org: Int64
    /// `create`, `import`, `delete` …: the cause in the ledger.
    var cause: String
    /// The snapshot to make visible; nil for a delete.
    var commit: CommitDraft?
    /// Who makes the snapshot public; nil where none becomes so.
    var publisher: EventAuthor?

    func encoded() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    static func decode(_ text: String?) throws -> JobDraft {
        guard let text, let draft = try? JSONDecoder().decode(JobDraft.self, from: Data(text.utf8)) else {
            throw CatalogueError(.corrupt, "The catalogue holds a job that cannot be read: run `snapstore fsck`.")
        }
        return draft
    }
}

/// The part of a commit that becomes a record and a tag.
struct CommitDraft: Codable, Sendable {
    var name: String
    var tag: String?
    var ifMatch: SnapshotDraft.Match?
    var force: Bool
    var manifest: String
    var object: String
    var kind: String
    var parent: String?
    var creator: String?
    var labels: [SnapshotRecord.Label]
    var createdMilliseconds: Int64
    var logicalBytes: Int64
    var uniqueBytes: Int64
    var storedBytes: Int64
    var fileCount: Int64
    var chunkCount: Int64
    var expiresMilliseconds: Int64?
    /// For the event; nil where none is noted.
    var author: EventAuthor?
    /// The deleted snapshot that comes back as this one; nil where it is a new one.
    var revival: Revival?

    /// What else is done in the transaction that makes a deleted snapshot visible again.
    struct Revival: Codable, Sendable {
        /// The id of the deleted record, to be forgotten.
        var id: String
        /// Those that are free are set: at most as many as one transaction deletes with a snapshot.
        var tags: [SnapshotTag]
    }

    /// The record this becomes; `newBytes` is what the attach counted.
    func record(id: [UInt8], org: Int64, newBytes: Int64) throws -> RecordRow {
        guard let manifest = Digest(manifest), let object = Digest(object) else {
            throw CatalogueError(.corrupt, "The catalogue holds a job that cannot be read: run `snapstore fsck`.")
        }
        var record = RecordRow(
            uid: id, org: org, name: name, manifest: manifest, object: object, kind: kind,
            visibility: "organization", parent: parent.flatMap { RecordID($0) }?.bytes, creator: creator,
            createdMilliseconds: createdMilliseconds, logicalBytes: logicalBytes, uniqueBytes: uniqueBytes,
            newBytes: newBytes, storedBytes: storedBytes, fileCount: fileCount, chunkCount: chunkCount)
        record.expiresMilliseconds = expiresMilliseconds
        return record
    }
}
