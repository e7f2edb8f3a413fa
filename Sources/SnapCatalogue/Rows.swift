package import SnapDigest
package import SnapModel

/// Whose objects: an organisation's, or the public ones.
package struct ScopeID: Hashable, Sendable {
    package let rawValue: Int64
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    /// The scope that everybody reads.
    package static let `public` = ScopeID(1)
}

/// A scope with the sums it is billed and limited by.
package struct ScopeRow: Hashable, Sendable {
    package let id: ScopeID
    package let name: String
    /// Raw bytes of the distinct objects held, records excepted.
    package let heldBytes: Int64
    package let heldObjects: Int64
}

package struct OrgRow: Hashable, Sendable {
    package let id: Int64
    package let name: String
    package var scope: ScopeID
}

/// One object in one scope.
package struct ObjectRow: Hashable, Sendable {
    package let key: ObjectKey
    /// Raw length in bytes.
    package let length: Int64
    package let refs: Int64
    package let borrows: Int64
    /// Where the bytes are; nil when they are borrowed from `public`.
    package let frame: Int64?
    /// Byte offset within the raw frame.
    package let position: Int64
    /// Sequence number at which it was last let go; nil while held.
    package let condemned: Int64?
    package let isBad: Bool
}

/// Where an object's bytes are, known before the catalogue has a row for it.
package struct ObjectPlace: Hashable, Sendable {
    package let key: ObjectKey
    package let length: Int64
    package let frame: Int64
    package let position: Int64

    package init(key: ObjectKey, length: Int64, frame: Int64, position: Int64) {
        self.key = key
        self.length = length
        self.frame = frame
        self.position = position
    }
}

extension ObjectRow {
    /// Where its bytes are; nil when they are borrowed from `public`.
    package var place: ObjectPlace? {
        frame.map { ObjectPlace(key: key, length: length, frame: $0, position: position) }
    }
}

package enum PackState: Int64, Sendable {
    /// Written by a session that has not committed; addressable by it alone.
    case pending = 0
    case live = 1
    /// No row names its bytes any more; the file is about to be unlinked.
    case dropped = 2
}

package struct PackRow: Hashable, Sendable {
    package let id: Int64
    /// 16 bytes, the name of the file.
    package let uid: [UInt8]
    package let scope: ScopeID
    package let session: Int64?
    package let state: PackState
    package let storedBytes: Int64
    package let rawBytes: Int64
    /// Objects with a row that points here, condemned ones included.
    package var liveObjects: Int64
    package var liveBytes: Int64
}

/// A frame within its pack; offsets and sizes in bytes.
package struct FrameRow: Hashable, Sendable {
    package let id: Int64
    package let pack: Int64
    package let number: Int
    package let offset: UInt64
    package let storedBytes: UInt32
    package let rawBytes: UInt32
    package let codec: UInt8
    package let checksum: [UInt8]

    package init(
        id: Int64, pack: Int64, number: Int, offset: UInt64, storedBytes: UInt32, rawBytes: UInt32, codec: UInt8,
        checksum: [UInt8]
    ) {
        self.id = id
        self.pack = pack
        self.number = number
        self.offset = offset
        self.storedBytes = storedBytes
        self.rawBytes = rawBytes
        self.codec = codec
        self.checksum = checksum
    }
}

package struct SessionRow: Hashable, Sendable {
    package let id: Int64
    package let uid: String
    package let kind: String
    package let scope: ScopeID
    package let startSequence: Int64
    package let startedMilliseconds: Int64
}

/// A snapshot as the catalogue keeps it.
package struct RecordRow: Hashable, Sendable {
    package var uid: [UInt8]
    package var org: Int64
    package var name: String
    package var manifest: Digest
    package var object: Digest
    package var kind: String
    package var visibility: String
    package var parent: [UInt8]?
    package var creator: String?
    package var createdMilliseconds: Int64
    package var logicalBytes: Int64
    package var uniqueBytes: Int64
    package var newBytes: Int64
    package var storedBytes: Int64
    package var fileCount: Int64
    package var chunkCount: Int64
    /// Not to be deleted.
    package var isProtected = false
    /// When a collection deletes it: milliseconds since 1970.
    package var expiresMilliseconds: Int64?

    package init(
        uid: [UInt8], org: Int64, name: String, manifest: Digest, object: Digest, kind: String, visibility: String,
        parent: [UInt8]?, creator: String?, createdMilliseconds: Int64, logicalBytes: Int64, uniqueBytes: Int64,
        newBytes: Int64, storedBytes: Int64, fileCount: Int64, chunkCount: Int64
    ) {
        self.uid = uid
        self.org = org
        self.name = name
        self.manifest = manifest
        self.object = object
        self.kind = kind
        self.visibility = visibility
        self.parent = parent
        self.creator = creator
        self.createdMilliseconds = createdMilliseconds
        self.logicalBytes = logicalBytes
        self.uniqueBytes = uniqueBytes
        self.newBytes = newBytes
        self.storedBytes = storedBytes
        self.fileCount = fileCount
        self.chunkCount = chunkCount
    }
}

extension RecordRow {
    /// Whether `public` holds it, too.
    package var isPublic: Bool { visibility == SnapshotVisibility.public.rawValue }
}

/// What is remembered of a snapshot that was deleted.
package struct DeletedRecordRow: Hashable, Sendable {
    package var uid: [UInt8]
    package var org: Int64
    package var name: String
    package var manifest: Digest
    package var object: Digest
    package var kind: String
    package var parent: [UInt8]?
    package var creator: String?
    package var logicalBytes: Int64
    package var uniqueBytes: Int64
    package var fileCount: Int64
    package var chunkCount: Int64
    /// The tags and labels that it had, as JSON of whoever wrote them.
    package var tags: String
    package var labels: String
    package var deletedMilliseconds: Int64

    package init(_ record: RecordRow, tags: String, labels: String, deletedMilliseconds: Int64) {
        uid = record.uid
        org = record.org
        name = record.name
        manifest = record.manifest
        object = record.object
        kind = record.kind
        parent = record.parent
        creator = record.creator
        logicalBytes = record.logicalBytes
        uniqueBytes = record.uniqueBytes
        fileCount = record.fileCount
        chunkCount = record.chunkCount
        self.tags = tags
        self.labels = labels
        self.deletedMilliseconds = deletedMilliseconds
    }
}

package struct TagRow: Hashable, Sendable {
    package let org: Int64
    package let name: String
    package let tag: String
    package let record: [UInt8]
    /// Rises with every change of any tag, so no value ever comes back (no ABA).
    package let version: Int64
}

package enum JobKind: Int64, Sendable {
    case attach = 1
    case detach = 2
}

package enum JobState: Int64, Sendable {
    case running = 1
    /// An attach that was refused takes back what it counted.
    case undoing = 2
}

/// Which references a job counts at the moment.
package enum JobPhase: Int64, Sendable {
    /// All of them, on one walk from the roots: a delete, and a commit of a few objects.
    case all = 0
    /// Those on chunks, in the order of their digests, before any node is counted.
    case chunks = 1
    /// Those on nodes, on a walk from the roots.
    case nodes = 2
    /// An attach that is undone has taken the nodes back: the chunks are next, then the nodes are condemned.
    case release = 3
}

/// A reference on a root that is being counted, or being taken back.
package struct JobRow: Hashable, Sendable {
    package let id: Int64
    package let scope: ScopeID
    package let kind: JobKind
    package var state: JobState
    /// Ledger time in nanoseconds at which it counts.
    package let stamp: Int64
    /// The session whose uploads an attach may use.
    package let session: Int64?
    package let record: [UInt8]
    /// For people: what is being settled, for example `delete tools:1`.
    package let label: String
    package let roots: [ObjectKey]
    package var nextRoot: Int
    /// Raw bytes that crossed so far, signed.
    package var bytes: Int64
    /// The record to write when an attach ends, as JSON.
    package let draft: String?
    package var errorCode: String?
    package var errorMessage: String?
    package var phase: JobPhase
    /// The references on chunks up to this one, and no others, are counted, unless the phase is ``JobPhase/all``.
    package var countedChunk: Digest?

    package init(
        id: Int64, scope: ScopeID, kind: JobKind, state: JobState, stamp: Int64, session: Int64?, record: [UInt8],
        label: String, roots: [ObjectKey], nextRoot: Int, bytes: Int64, draft: String?, errorCode: String?,
        errorMessage: String?
    ) {
        self.id = id
        self.scope = scope
        self.kind = kind
        self.state = state
        self.stamp = stamp
        self.session = session
        self.record = record
        self.label = label
        self.roots = roots
        self.nextRoot = nextRoot
        self.bytes = bytes
        self.draft = draft
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        phase = kind == .attach ? .chunks : .all
    }
}

/// A node whose count crossed and whose children are still to be counted.
package struct FrontierRow: Hashable, Sendable {
    /// Which walk it belongs to: that of the attach, or that which undoes or detaches.
    package enum Side: Int64, Sendable {
        case attach = 0
        case detach = 1
    }

    package let side: Side
    package let key: ObjectKey
    /// Index of the first child not yet counted.
    package var nextChild: Int

    package init(side: Side, key: ObjectKey, nextChild: Int) {
        self.side = side
        self.key = key
        self.nextChild = nextChild
    }
}

/// How a job ended; kept seven days.
package struct JobResult: Hashable, Sendable {
    package let record: [UInt8]
    package let errorCode: String?
    package let errorMessage: String?
    /// The manifest that the tag named before.
    package let replaced: Digest?

    package init(record: [UInt8], errorCode: String?, errorMessage: String?, replaced: Digest?) {
        self.record = record
        self.errorCode = errorCode
        self.errorMessage = errorMessage
        self.replaced = replaced
    }
}

package struct LedgerRow: Hashable, Sendable {
    package let org: Int64
    package let number: Int64
    package let stamp: Int64
    package let bytes: Int64
    package let record: [UInt8]
    package let cause: String
    /// SHA-256 over the chain before and this row.
    package let chain: Digest
}
