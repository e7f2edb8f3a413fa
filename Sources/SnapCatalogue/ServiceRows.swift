package import SnapDigest

/// What a bearer of a token may do, and until when. Times are milliseconds since 1970.
package struct TokenRow: Hashable, Sendable {
    package let uid: String
    /// SHA-256 of the token's text, which nobody keeps.
    package let digest: Digest
    package let org: Int64
    package let subject: String
    /// Words with spaces between.
    package let scopes: String
    package let createdMilliseconds: Int64
    package let expiresMilliseconds: Int64?
    package let revokedMilliseconds: Int64?

    package init(
        uid: String, digest: Digest, org: Int64, subject: String, scopes: String, createdMilliseconds: Int64,
        expiresMilliseconds: Int64?, revokedMilliseconds: Int64?
    ) {
        self.uid = uid
        self.digest = digest
        self.org = org
        self.subject = subject
        self.scopes = scopes
        self.createdMilliseconds = createdMilliseconds
        self.expiresMilliseconds = expiresMilliseconds
        self.revokedMilliseconds = revokedMilliseconds
    }
}

/// Something that was done, or refused, in an organisation.
package struct EventRow: Hashable, Sendable {
    /// Rises with every event of the store.
    package let id: Int64
    package let milliseconds: Int64
    package let org: Int64
    package let subject: String
    package let action: String
    package let target: String
    package let result: String
    /// Of the HTTP request, if it was one.
    package let request: String?

    package init(
        id: Int64 = 0, milliseconds: Int64, org: Int64, subject: String, action: String, target: String,
        result: String, request: String?
    ) {
        self.id = id
        self.milliseconds = milliseconds
        self.org = org
        self.subject = subject
        self.action = action
        self.target = target
        self.result = result
        self.request = request
    }
}
