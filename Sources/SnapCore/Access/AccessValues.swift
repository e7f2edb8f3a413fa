internal import SnapCatalogue
package import SnapModel

/// Who shares one set of snapshots.
package struct Organization: Sendable, Hashable {
    package let name: String
}

/// What is known of a token; never the token itself. Times are milliseconds since 1970.
package struct TokenRecord: Sendable, Hashable {
    /// 16 hexadecimal digits.
    package let id: String
    package let org: String
    /// Who or what uses it.
    package let subject: String
    package let scopes: Set<AccessScope>
    package let createdMilliseconds: Int64
    package let expiresMilliseconds: Int64?
    package let revokedMilliseconds: Int64?

    package static let subjectBytesMax = 256

    init(_ row: TokenRow, org: String) {
        id = row.uid
        self.org = org
        subject = row.subject
        // A word that a later version wrote gives no right here.
        scopes = Set(row.scopes.split(separator: " ").compactMap { AccessScope(rawValue: String($0)) })
        createdMilliseconds = row.createdMilliseconds
        expiresMilliseconds = row.expiresMilliseconds
        revokedMilliseconds = row.revokedMilliseconds
    }
}

/// Who sends a request, by its token.
package struct Bearer: Sendable, Hashable {
    package let org: String
    package let subject: String
    /// The token's id.
    package let token: String
    package let scopes: Set<AccessScope>
}

/// Who does something, for the events.
package struct EventAuthor: Sendable, Hashable, Codable {
    package let subject: String
    /// Of the HTTP request, if it is one.
    package let request: String?

    package init(subject: String, request: String?) {
        self.subject = subject
        self.request = request
    }

    /// Whoever has the store's files.
    package static let `operator` = EventAuthor(subject: "operator", request: nil)
}

/// Something that was done in an organisation.
package struct Event: Sendable, Hashable {
    /// Rises with every event of the store.
    package let id: Int64
    /// Since 1970.
    package let milliseconds: Int64
    package let subject: String
    /// For example `token.create`.
    package let action: String
    package let target: String
    package let result: String
    package let request: String?

    init(_ row: EventRow) {
        id = row.id
        milliseconds = row.milliseconds
        subject = row.subject
        action = row.action
        target = row.target
        result = row.result
        request = row.request
    }
}
