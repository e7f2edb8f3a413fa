public import SnapDigest

/// How people name a snapshot: `[ORG/]NAME[:TAG][@sha256:…]`, `sha256:…`, the first 8 or more hexadecimal digits of
/// its digest, or a record's id.
public struct Reference: Hashable, Sendable {
    public enum Target: Hashable, Sendable {
        /// A tag of a name; no tag means `latest`. With a digest, the tag must name just that.
        case name(String, tag: String?, digest: Digest?)
        case digest(Digest)
        /// 8 … 63 hexadecimal digits, which may be a name too.
        case prefix(String)
        /// 32 hexadecimal digits.
        case record([UInt8])
    }

    /// nil: the caller's own.
    public let org: String?
    public let target: Target

    /// The tag that is meant where none is given.
    public static let defaultTag = "latest"

    /// - Throws: ``FormatError/Code/range`` with what is allowed, when the text is none of these.
    public static func parse(_ text: String) throws(FormatError) -> Reference {
        if text.hasPrefix("sha256:") {
            guard let digest = Digest(text) else {
                throw FormatError(
                    .range, "`\(shown(text))` is no digest: 64 lower-case hexadecimal digits follow sha256:.")
            }
            return Reference(org: nil, target: .digest(digest))
        }
        if text.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) {
            if text.utf8.count == 32, let id = Hex.decode(text) { return Reference(org: nil, target: .record(id)) }
            if text.utf8.count == 64, let digest = Digest(hex: text) {
                return Reference(org: nil, target: .digest(digest))
            }
            if (8...63).contains(text.utf8.count) { return Reference(org: nil, target: .prefix(text)) }
        }
        return try parseName(text)
    }

    private static func parseName(_ text: String) throws(FormatError) -> Reference {
        var rest = text[...]
        var digest: Digest?
        if let at = rest.firstIndex(of: "@") {
            guard let found = Digest(rest[rest.index(after: at)...]) else {
                throw FormatError(
                    .range, "`\(shown(text))` has no digest after the @: sha256: and 64 hexadecimal digits.")
            }
            digest = found
            rest = rest[..<at]
        }
        var org: String?
        if let slash = rest.firstIndex(of: "/") {
            org = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        }
        var tag: String?
        if let colon = rest.firstIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        let name = String(rest)
        guard SnapshotName.isValid(name), org.map(SnapshotName.isValid) ?? true else {
            throw FormatError(
                .range,
                "`\(shown(text))` is no snapshot name: use [ORG/]NAME[:TAG] with a-z, 0-9, and . _ - between them.")
        }
        guard tag.map(SnapshotName.isValidTag) ?? true else {
            throw FormatError(
                .range, "`\(shown(text))` has no valid tag: use A-Z, a-z, 0-9, _ and then also . and -.")
        }
        return Reference(org: org, target: .name(name, tag: tag, digest: digest))
    }

    private static func shown(_ text: String) -> String {
        escaped(Array(text.utf8.prefix(200)))
    }
}
