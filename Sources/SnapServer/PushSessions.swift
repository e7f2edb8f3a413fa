import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
import SnapTransfer
import SnapTrees
import Synchronization

/// The pushes that are under way, by the id that their client was given.
///
/// Each belongs to the organisation and the token's subject that opened it. One that nobody has used for an hour ends, and
/// what it brought is removed.
final class PushSessions: Sendable {
    /// Open at once, of one organisation.
    static let perOrgMax = 64
    static let idleMilliseconds: Int64 = 3_600_000

    private let store: Store
    private let open = Mutex<[String: PushSession]>([:])

    init(store: Store) { self.store = store }

    /// Opens a push. What its tag names already needs none.
    ///
    /// - Parameter key: By which the client knows the push when it asks again, since the answer was lost: then it gets the
    ///   same one, with all that it has brought. nil for a new one.
    func begin(_ message: OpenPushMessage, key: String?, _ bearer: Bearer) throws(StoreError) -> OpenedPushMessage {
        let draft = try Self.draft(message, bearer)
        endIdle()
        if let same = try store.unchanged(draft, org: bearer.org) {
            return OpenedPushMessage(
                session: nil, store: store.storeID, snapshot: SnapshotMessage(same), isHeld: true)
        }
        let again = open.withLock { open in
            key == nil ? nil : open.first { $0.value.isOf(bearer, key: key, manifest: draft.manifest) }
        }
        if let (id, push) = again {
            push.use(at: now)
            return OpenedPushMessage(session: id, store: store.storeID, snapshot: nil, isHeld: try push.isHeld())
        }
        guard open.withLock({ $0.values.count { $0.org == bearer.org && !$0.isDone } }) < Self.perOrgMax else {
            throw StoreError(
                .busy, "\(Self.perOrgMax) pushes of the organisation are under way.",
                hint: "Try again once one is done.")
        }
        let push = try StoreError.mapped {
            try PushSession(
                try store.beginSession(.push, org: bearer.org), draft, key: key, bearer, now: now)
        }
        let isHeld = try push.isHeld()
        let id = RecordID().description
        open.withLock { $0[id] = push }
        return OpenedPushMessage(session: id, store: store.storeID, snapshot: nil, isHeld: isHeld)
    }

    /// The push with this id.
    ///
    /// - Throws: ``StoreError/Code/notFound``, also for one of another organisation.
    func session(_ id: String, _ bearer: Bearer) throws(StoreError) -> PushSession {
        let found = open.withLock { $0[id] }
        guard let found, found.org == bearer.org, found.subject == bearer.subject else {
            throw StoreError(
                .notFound, "There is no such push.", hint: "Push again: what has arrived by a commit stays.")
        }
        found.use(at: now)
        return found
    }

    func end(_ id: String) { open.withLock { $0.removeValue(forKey: id) }?.end() }

    /// Ends all of them.
    func endAll() {
        let all = open.withLock { open in
            defer { open = [:] }
            return Array(open.values)
        }
        for push in all { push.end() }
    }

    private func endIdle() {
        let limit = now - Self.idleMilliseconds
        let idle = open.withLock { open in
            let idle = open.filter { $0.value.lastUsed < limit }
            for id in idle.keys { open[id] = nil }
            return idle
        }
        for push in idle.values { push.end() }
    }

    private var now: Int64 { store.nowMilliseconds() }

    private static func draft(_ message: OpenPushMessage, _ bearer: Bearer) throws(StoreError) -> SnapshotDraft {
        guard let manifest = Digest(message.manifest) else {
            throw StoreError(.invalid, "The manifest's digest is not one.")
        }
        try StoreError.checkName(message.name, tag: message.tag)
        var draft = SnapshotDraft(name: message.name, tag: message.tag, manifest: manifest, kind: "")
        draft.creator = bearer.subject
        draft.force = message.force ?? false
        draft.labels = [SnapshotRecord.Label](byKey: message.labels ?? [:])
        switch message.ifMatch {
        case nil: break
        case "none": draft.ifMatch = SnapshotDraft.Match.none
        case let text?:
            guard Digest(text) != nil else { throw StoreError(.invalid, "ifMatch is neither a digest nor `none`.") }
            draft.ifMatch = .manifest(text)
        }
        return draft
    }
}

/// One push: a session of the store that takes bundles, and at last a commit. Any number of requests may use it; the store
/// sees them one after another.
final class PushSession: Sendable {
    let org: String
    let subject: String
    private let key: String?
    private let manifest: Digest
    private let used: Atomic<Int64>
    private let done = Atomic(false)
    /// Of one thread at a time.
    private struct State: @unchecked Sendable {
        let session: Session
        var draft: SnapshotDraft
        let opener: BundleOpener
        /// Kept for a client that did not hear it.
        var result: CommitResult?
    }
    private let state: Mutex<State>

    init(_ session: Session, _ draft: SnapshotDraft, key: String?, _ bearer: Bearer, now: Int64) throws {
        org = bearer.org
        subject = bearer.subject
        self.key = key
        manifest = draft.manifest
        used = Atomic(now)
        state = Mutex(State(session: session, draft: draft, opener: try BundleOpener()))
    }

    func isOf(_ bearer: Bearer, key: String?, manifest: Digest) -> Bool {
        org == bearer.org && subject == bearer.subject && self.key == key && self.manifest == manifest && !isDone
    }

    /// Whether its snapshot is made: it is kept for its answer alone.
    var isDone: Bool { done.load(ordering: .relaxed) }

    var lastUsed: Int64 { used.load(ordering: .relaxed) }
    func use(at milliseconds: Int64) { used.store(milliseconds, ordering: .relaxed) }

    /// Whether the organisation has a snapshot with this content.
    func isHeld() throws(StoreError) -> Bool {
        try StoreError.mapped {
            try state.withLock { try $0.session.contains(ObjectKey(.manifest, $0.draft.manifest)) }
        }
    }

    /// Which of these neither the organisation nor `public` holds, nor this push has brought.
    func missing(_ list: KeyList) throws(StoreError) -> MissingBits {
        try StoreError.mapped {
            try state.withLock { state in MissingBits(try list.keys.map { try !state.session.contains($0) }) }
        }
    }

    /// Takes a frame whose objects are all checked first.
    func take(_ frame: BundleFrame) throws(StoreError) -> (objects: Int, bytes: Int64) {
        do {
            return try state.withLock { state in
                try state.opener.open(frame) { try state.session.put(frame.frame, $0) }
                return (frame.objects.count, Int64(frame.info.rawBytes))
            }
        } catch let error as FormatError {
            throw StoreError(.invalid, error.message)
        } catch let error as PackError where error.code == .corrupt {
            throw StoreError(.invalid, error.message)
        } catch {
            throw StoreError(mapping: error)
        }
    }

    /// Makes durable what has come.
    func flush() throws(StoreError) {
        try StoreError.mapped { try state.withLock { try $0.session.flush() } }
    }

    /// Makes the snapshot, once all that it names is there.
    ///
    /// Once it is made, another commit gives the same answer.
    ///
    /// - Throws: ``StoreError/Code/incomplete`` when something is missing; the push goes on then.
    func commit(by author: EventAuthor) throws(StoreError) -> CommitResult {
        try StoreError.mapped {
            try state.withLock { state in
                if let result = state.result { return result }
                try state.session.flush()
                try describe(&state.draft, state.session)
                state.draft.author = author
                let session = state.session
                let result = try session.commit(state.draft, cause: "push")
                state.result = result
                done.store(true, ordering: .relaxed)
                return result
            }
        }
    }

    /// Fills in what is known of the snapshot by its content: from another of the same, or from looking through it.
    private func describe(_ draft: inout SnapshotDraft, _ session: Session) throws {
        let digest = draft.manifest
        if let same = try session.store.snapshots(org: org, manifestFrom: digest, to: digest).first {
            draft.kind = same.kind
            draft.logicalBytes = same.logicalBytes
            draft.uniqueBytes = same.uniqueBytes
            draft.fileCount = same.fileCount
            draft.chunkCount = same.chunkCount
        } else {
            try SnapshotInspection.fill(&draft, from: session)
        }
    }

    func end() { state.withLock { $0.session.end() } }
}
