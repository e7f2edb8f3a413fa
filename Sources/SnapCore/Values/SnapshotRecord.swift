public import SnapDigest
public import SnapModel

/// A snapshot as its store lists it. Sizes are bytes.
public struct SnapshotRecord: Hashable, Sendable {
    public struct Label: Hashable, Sendable, Codable {
        public let key: String
        public let value: String

        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    public let id: RecordID
    public let org: String
    public let name: String
    /// Those of its own name first, sorted; empty when every tag has moved on.
    public let tags: [SnapshotTag]
    public let visibility: SnapshotVisibility
    /// The digest that names the content, the same on every store.
    public let manifest: Digest
    /// `filesystem`, `directory` or `checkpoint`.
    public let kind: String
    public let parent: RecordID?
    public let creator: String?
    /// Sorted by key.
    public let labels: [Label]
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let createdMilliseconds: Int64
    /// Lengths of all files added up.
    public let logicalBytes: Int64
    /// Raw bytes of the distinct objects it is made of.
    public let uniqueBytes: Int64
    /// Raw bytes that its organisation did not hold before.
    public let newBytes: Int64
    /// Bytes written to packs for it.
    public let storedBytes: Int64
    public let fileCount: Int64
    public let chunkCount: Int64
    /// Not to be deleted until that is taken back.
    public let isProtected: Bool
    /// From when on a collection deletes it: milliseconds since 1970-01-01T00:00:00Z; nil for never.
    public let expiresMilliseconds: Int64?

    /// `NAME:TAG` with its first tag, or the record's id.
    public var displayName: String { tags.first?.description ?? id.description }
}
