package import SnapCore
package import SnapDigest
package import SnapModel

// Who may read a snapshot, and what names it, as JSON.

package struct VisibilityMessage: Codable, Sendable {
    /// `organization` or `public`.
    package var visibility: String

    package init(_ visibility: SnapshotVisibility) { self.visibility = visibility.rawValue }
}

package struct ProtectionMessage: Codable, Sendable {
    package var protected: Bool

    package init(protected: Bool) { self.protected = protected }
}

/// Asks for a copy in the organisation of whoever asks.
package struct CopyMessage: Codable, Sendable {
    package var name: String
    package var tag: String?
    /// Moves a tag that names other content.
    package var force: Bool?

    package init(name: String, tag: String?, force: Bool) {
        self.name = name
        self.tag = tag
        self.force = force ? true : nil
    }
}

package struct SetTagMessage: Codable, Sendable {
    /// The id of a snapshot.
    package var snapshot: String
    /// Moves a tag that names other content, whatever its version.
    package var force: Bool?
}

/// What a tag names. Its version rises each time that it is set, and is its ETag.
package struct TagMessage: Codable, Sendable {
    package var name: String
    package var tag: String
    package var snapshot: String
    package var digest: String
    package var version: Int64
    /// What it named before, if another.
    package var replaced: String?

    package init(_ state: TagState, replaced: Digest?) {
        name = state.name.name
        tag = state.name.tag
        snapshot = state.snapshot.description
        digest = state.manifest.description
        version = state.version
        self.replaced = replaced?.description
    }
}
