package import SnapCore
package import SnapDigest
internal import SnapModel
package import SnapTrees

/// Captures a directory and commits it under a name.
package struct CreateOperation {
    package var capture: CaptureOptions
    package var ifMatch: SnapshotDraft.Match?
    package var force = false
    package var parent: SnapshotRecord?
    package var labels: [SnapshotRecord.Label] = []
    package var creator: String?
    /// From when on a collection deletes it: milliseconds since 1970; nil for never.
    package var expiresMilliseconds: Int64?

    package init(capture: CaptureOptions) {
        self.capture = capture
    }

    package struct Result {
        package let snapshot: SnapshotRecord
        /// False when the tag named the same content already.
        package let isNew: Bool
        package let replaced: Digest?
        package let captured: CaptureResult
        /// Raw bytes that were not held before, and the bytes written for them.
        package let newBytes: Int64
        package let storedBytes: Int64
        package let uniqueBytes: Int64
    }

    /// - Throws: ``StoreError``; nothing of the capture stays then.
    package func run(
        _ store: Store, org: String, directory: [UInt8], name: String, tag: String, progress: Progress,
        onSettling: (String) -> Void = { _ in }
    ) throws(StoreError) -> Result {
        let session = try store.beginSession(.create, org: org)
        defer { session.end() }
        var options = capture
        options.storePath = store.layout.root
        let captured = try Capture(sink: SessionSink(session, org: org), options: options, org: org, progress: progress)
            .run(directory: directory)
        var draft = SnapshotDraft(name: name, tag: tag, manifest: captured.manifest, kind: captured.kind.rawValue)
        draft.ifMatch = ifMatch
        draft.force = force
        draft.parent = parent?.id
        draft.creator = creator
        draft.expiresMilliseconds = expiresMilliseconds
        draft.labels = labels.sorted { $0.key < $1.key }
        draft.logicalBytes = Int64(clamping: captured.logicalBytes)
        draft.fileCount = Int64(clamping: captured.fileCount)
        draft.chunkCount = Int64(clamping: captured.chunkCount)
        // The last moment: a commit that has begun is carried out.
        try StoreError.mapped { try progress.check() }
        progress.enter(.committing)
        let newBytes = session.newBytes
        let commit = try session.commit(draft, onSettling: onSettling)
        // Only now everything that it speaks of is held.
        captured.statCache?.publish()
        progress.enter(.done)
        return Result(
            snapshot: commit.record, isNew: commit.isNew, replaced: commit.replaced, captured: captured,
            newBytes: commit.isNew ? newBytes : 0, storedBytes: commit.isNew ? session.storedBytes : 0,
            uniqueBytes: commit.record.uniqueBytes)
    }
}
