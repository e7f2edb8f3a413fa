package import SnapDigest

/// A snapshot about to be committed: what was captured, and the name it is to have.
package struct SnapshotDraft: Sendable {
    package enum Match: Sendable, Hashable, Codable {
        /// The tag must not exist.
        case none
        /// The tag must name this manifest, as `sha256:…`.
        case manifest(String)
        /// The tag must not have been set since it had this version.
        case version(Int64)
    }

    package var name: String
    package var tag: String?
    /// Refuse unless the tag is as said; nil asks nothing.
    package var ifMatch: Match?
    /// Move a tag that names other content.
    package var force = false
    package var manifest: Digest
    package var kind: String
    package var parent: RecordID?
    package var creator: String?
    /// At most ``labelsMax``: they are written in one transaction.
    package var labels: [SnapshotRecord.Label] = []
    /// From when on a collection deletes it: milliseconds since 1970; nil for never.
    package var expiresMilliseconds: Int64?
    package var logicalBytes: Int64 = 0
    /// Raw bytes of the distinct objects, where the session has not counted them.
    package var uniqueBytes: Int64?
    package var fileCount: Int64 = 0
    package var chunkCount: Int64 = 0
    /// Whose commit is noted as an event, with the commit; nil: it is not.
    package var author: EventAuthor?
    /// The deleted snapshot that comes back as this one: its tags that are free are set, and it is forgotten, at once.
    var deleted: DeletedSnapshot?

    package static let labelsMax = 256

    package init(name: String, tag: String?, manifest: Digest, kind: String) {
        self.name = name
        self.tag = tag
        self.manifest = manifest
        self.kind = kind
    }
}

/// How a commit ended.
package struct CommitResult: Sendable {
    package let record: SnapshotRecord
    /// False when the tag named the same content already, so that nothing was written.
    package let isNew: Bool
    /// The manifest that the tag named before, if another.
    package let replaced: Digest?
}
