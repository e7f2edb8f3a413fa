package import SnapCore
internal import SnapDigest
internal import SnapModel
internal import SnapPacks

/// Brings snapshots from one scope of a store to another: from an organisation to `public`, or to another organisation. A
/// push and a pull without a network in between; only what the other scope lacks is written.
///
/// Memory: some frames, and what ``TreeTransfer`` keeps.
package struct SnapshotCopy: Sendable {
    private let store: Store

    package init(_ store: Store) { self.store = store }

    /// Lets every organisation read a snapshot. Does nothing to one that is public already.
    ///
    /// - Throws: ``StoreError/Code/notFound`` when it is deleted meanwhile, ``StoreError/Code/corrupt``,
    ///   ``StoreError/Code/outOfSpace``; nothing of it is public then.
    package func publish(_ snapshot: SnapshotRecord, by author: EventAuthor = .operator) throws(StoreError) {
        guard snapshot.visibility != .public else { return }
        // What is read stays while it is open.
        let reading = try store.beginSession(.publish, org: snapshot.org)
        defer { reading.end() }
        let session = try store.beginPublishing(org: snapshot.org)
        defer { session.end() }
        try bring(ObjectKey(.manifest, snapshot.manifest), from: reading.reader(), to: session)
        try session.publish(snapshot, by: author)
    }

    /// Makes a snapshot with the content of another, which `org` may read, in the organisation `target`.
    ///
    /// - Parameters:
    ///   - draft: Name, tag, labels, and when the tag may move; what tells of the content is taken from `snapshot`.
    /// - Throws: ``StoreError/Code/preconditionFailed`` when the tag may not move, ``StoreError/Code/notFound``; nothing of it
    ///   is there then.
    package func copy(_ snapshot: SnapshotRecord, readBy org: String, to target: String, as draft: SnapshotDraft)
        throws(StoreError) -> CommitResult
    {
        let reading = try store.beginSession(.copy, org: org)
        defer { reading.end() }
        let session = try store.beginSession(.copy, org: target)
        defer { session.end() }
        var draft = draft
        draft.kind = snapshot.kind
        draft.logicalBytes = snapshot.logicalBytes
        draft.uniqueBytes = snapshot.uniqueBytes
        draft.fileCount = snapshot.fileCount
        draft.chunkCount = snapshot.chunkCount
        try bring(ObjectKey(.manifest, snapshot.manifest), from: reading.reader(), to: session)
        return try session.commit(draft, cause: "copy")
    }

    private func bring(_ root: ObjectKey, from reader: ObjectReader, to session: Session) throws(StoreError) {
        try StoreError.mapped {
            var transfer = TreeTransfer(root: root)
            while !transfer.isDone {
                let missing = try missing(&transfer, session)
                var children: [ObjectKey: [ObjectKey]] = [:]
                for share in try reader.shares(of: missing) {
                    try reader.read(share.keys) { loaded in
                        try Self.put(loaded, of: share, reader, session)
                        for object in loaded where share.keys[object.number].kind != .chunk {
                            let key = share.keys[object.number]
                            children[key] = try ObjectChildren.of(key.kind, Array(object.bytes))
                        }
                    }
                }
                transfer.expand(transfer.nodes.map { children[$0] ?? [] })
            }
        }
    }

    private func missing(_ transfer: inout TreeTransfer, _ session: Session) throws -> [ObjectKey] {
        var held: Set<ObjectKey> = []
        for key in transfer.next() where try session.contains(key) { held.insert(key) }
        return transfer.answer { !held.contains($0) }
    }

    /// As the frame that they are in, where that holds nothing else.
    private static func put(_ loaded: [LoadedObject], of share: FrameShare, _ reader: ObjectReader, _ session: Session)
        throws
    {
        let objects = loaded.map { (key: share.keys[$0.number], bytes: $0.bytes) }
        if loaded.count == share.keys.count, let frame = reader.wholeFrame(share) {
            try session.put(frame, objects)
        } else {
            for (key, bytes) in objects { try session.put(key, bytes) }
        }
    }
}
