public import SnapDigest

/// What the bytes of an object are. The raw values are those of `docs/format.md`.
public enum ObjectKind: UInt8, Sendable, CaseIterable, Comparable, Hashable {
    /// Raw bytes of a file, an extended attribute or a link table.
    case chunk = 1
    /// A node of a chunk list.
    case list = 2
    /// A node of a directory, or a root.
    case tree = 3
    /// The manifest of a snapshot.
    case manifest = 4
    /// What the catalogue knows of a snapshot, for its rebuild.
    case record = 5

    public static func < (left: ObjectKind, right: ObjectKind) -> Bool { left.rawValue < right.rawValue }
}

/// The name of an object: its kind and the digest of its bytes, so that bytes of one kind are never read as another.
public struct ObjectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let kind: ObjectKind
    public let digest: Digest

    public init(_ kind: ObjectKind, _ digest: Digest) {
        self.kind = kind
        self.digest = digest
    }

    /// What differs in the kind alone is as good as never met.
    @inlinable
    public func hash(into hasher: inout Hasher) {
        digest.hash(into: &hasher)
    }

    public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        left.kind == right.kind ? left.digest < right.digest : left.kind < right.kind
    }

    public var description: String { "\(kind) \(digest)" }
}
