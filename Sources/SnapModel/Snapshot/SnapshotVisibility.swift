/// Who may read a snapshot: its organisation, or every one.
public enum SnapshotVisibility: String, Sendable, Hashable, Codable, CaseIterable {
    case organization
    case `public`
}
