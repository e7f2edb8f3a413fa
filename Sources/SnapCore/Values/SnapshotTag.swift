internal import SnapCatalogue
package import SnapDigest

/// A name by which a snapshot is found. It need not be the snapshot's own name: `tag tools:1 work:x` gives it another.
public struct SnapshotTag: Hashable, Sendable, Codable, CustomStringConvertible {
    public let name: String
    public let tag: String

    public init(name: String, tag: String) {
        self.name = name
        self.tag = tag
    }

    init(_ row: TagRow) { self.init(name: row.name, tag: row.tag) }

    /// `NAME:TAG`.
    public var description: String { "\(name):\(tag)" }

    /// What is said where the snapshot's name is known: `TAG`, or `NAME:TAG` for one of another name.
    public func short(beside name: String) -> String { name == self.name ? tag : description }
}

/// What a tag names. Its version rises each time that it is set, also after it was deleted.
package struct TagState: Sendable, Hashable {
    package let name: SnapshotTag
    package let snapshot: RecordID
    package let manifest: Digest
    package let version: Int64
}
