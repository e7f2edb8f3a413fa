package import SnapCore

extension SnapshotInspection {
    /// Looks through what a session has flushed and its organisation holds, and fills in all that is known of it.
    package static func fill(_ draft: inout SnapshotDraft, from session: Session) throws {
        try SnapshotInspection { try session.read($0) }.fill(&draft)
        draft.uniqueBytes = try session.distinctBytes(of: draft.manifest)
    }
}
