package import SnapCore
internal import SnapDigest
internal import SnapModel

// What goes over the network as JSON. Both sides share these types; `GET /openapi.json` describes them. Digests are
// `sha256:…`, times milliseconds since 1970, sizes bytes.

/// A snapshot as servers tell of it.
package struct SnapshotMessage: Codable, Sendable, Hashable {
    package var id: String
    package var org: String
    package var name: String
    /// `NAME:TAG` each.
    package var tags: [String]
    package var digest: String
    package var kind: String
    package var visibility: String
    package var parent: String?
    package var creator: String?
    package var labels: [String: String]
    package var createdMilliseconds: Int64
    package var logicalBytes: Int64
    package var uniqueBytes: Int64
    package var fileCount: Int64
    package var chunkCount: Int64
    package var protected: Bool
    package var expiresMilliseconds: Int64?

    package init(_ record: SnapshotRecord) {
        id = record.id.description
        org = record.org
        name = record.name
        tags = record.tags.map(\.description)
        digest = record.manifest.description
        kind = record.kind
        visibility = record.visibility.rawValue
        parent = record.parent?.description
        creator = record.creator
        labels = record.labels.byKey
        createdMilliseconds = record.createdMilliseconds
        logicalBytes = record.logicalBytes
        uniqueBytes = record.uniqueBytes
        fileCount = record.fileCount
        chunkCount = record.chunkCount
        protected = record.isProtected
        expiresMilliseconds = record.expiresMilliseconds
    }
}

package struct SnapshotListMessage: Codable, Sendable {
    package var snapshots: [SnapshotMessage]
    /// Where the next page begins; nil after the last.
    package var cursor: String?

    package init(snapshots: [SnapshotMessage], cursor: String?) {
        self.snapshots = snapshots
        self.cursor = cursor
    }
}

/// Opens a push: what is to be committed, and under which name.
package struct OpenPushMessage: Codable, Sendable {
    package var name: String
    package var tag: String?
    package var manifest: String
    package var labels: [String: String]?
    /// The digest that the tag names now, or `none`.
    package var ifMatch: String?
    /// Moves a tag that names other content.
    package var force: Bool?

    package init(name: String, tag: String?, manifest: String) {
        self.name = name
        self.tag = tag
        self.manifest = manifest
    }
}

/// The answer to ``OpenPushMessage``.
package struct OpenedPushMessage: Codable, Sendable {
    /// Where to push to; nil when there is nothing to do.
    package var session: String?
    /// Of the server.
    package var store: String
    /// The snapshot, when its tag names this content already.
    package var snapshot: SnapshotMessage?
    /// Whether the organisation holds all of the content already, so that only a commit is left.
    package var isHeld: Bool

    package init(session: String?, store: String, snapshot: SnapshotMessage?, isHeld: Bool) {
        self.session = session
        self.store = store
        self.snapshot = snapshot
        self.isHeld = isHeld
    }
}

/// What came in with a bundle, durable by now.
package struct TakenBundleMessage: Codable, Sendable {
    package var objects: Int
    package var bytes: Int64

    package init(objects: Int, bytes: Int64) {
        self.objects = objects
        self.bytes = bytes
    }
}

package struct CommittedMessage: Codable, Sendable {
    package var snapshot: SnapshotMessage
    /// False when the tag named the same content already.
    package var isNew: Bool
    /// What the tag named before, if another.
    package var replaced: String?

    package init(_ result: CommitResult) {
        snapshot = SnapshotMessage(result.record)
        isNew = result.isNew
        replaced = result.replaced?.description
    }
}

/// What went wrong, as RFC 9457 has it.
package struct ProblemMessage: Codable, Sendable {
    package var code: String
    package var title: String
    package var detail: String
    package var hint: String?
    package var retryable: Bool
    package var requestId: String
    package var status: Int

    package init(_ error: StoreError, status: Int, title: String, requestID: String) {
        code = error.code.rawValue
        self.title = title
        detail = error.message
        hint = error.hint
        retryable = [StoreError.Code.busy, .outOfSpace, .interrupted, .rateLimited].contains(error.code)
        requestId = requestID
        self.status = status
    }

    /// The error that the server met.
    package var error: StoreError { StoreError(StoreError.Code(rawValue: code), detail, hint: hint) }
}

extension StoreError.Code {
    /// No token, or one that is worth nothing.
    package static let unauthorized = StoreError.Code(rawValue: "unauthorized")
    /// Too many tokens that are worth nothing came from the same address.
    package static let rateLimited = StoreError.Code(rawValue: "rate_limited")
}

extension [SnapshotRecord.Label] {
    /// As JSON has them.
    package var byKey: [String: String] { Dictionary(map { ($0.key, $0.value) }) { first, _ in first } }

    /// As stores have them: sorted by key.
    package init(byKey labels: [String: String]) {
        self = labels.map { SnapshotRecord.Label(key: $0.key, value: $0.value) }.sorted { $0.key < $1.key }
    }
}
