/// Something that the bearer of a token may do in its organisation.
public enum AccessScope: String, CaseIterable, Sendable, Comparable {
    case readSnapshots = "read:snapshots"
    case writeSnapshots = "write:snapshots"
    case deleteSnapshots = "delete:snapshots"
    /// Makes snapshots public, or takes that back.
    case publishSnapshots = "publish:snapshots"
    case readUsage = "read:usage"
    /// Tokens and settings of the organisation.
    case adminOrganization = "admin:org"
    /// The store itself: its organisations, and collections.
    case adminStore = "admin:store"

    public static func < (left: AccessScope, right: AccessScope) -> Bool { left.rawValue < right.rawValue }

    /// The scopes in a text, with commas or spaces between.
    ///
    /// - Throws: ``FormatError/Code/range`` with those that there are, when it has another word, or none.
    public static func parse(_ text: String) throws(FormatError) -> Set<AccessScope> {
        var scopes: Set<AccessScope> = []
        for word in text.split(whereSeparator: { $0 == "," || $0 == " " }) {
            guard let scope = AccessScope(rawValue: String(word)) else {
                throw FormatError(.range, "`\(escaped(Array(word.utf8.prefix(200))))` is no scope: there are \(all).")
            }
            scopes.insert(scope)
        }
        guard !scopes.isEmpty else { throw FormatError(.range, "No scope is given: there are \(all).") }
        return scopes
    }

    /// All of them, as a list for people.
    public static var all: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
