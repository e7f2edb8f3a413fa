internal import GRDB
package import SnapDigest

// Who may do what, and what was done.

extension ReadAccess {
    /// The token whose text has this digest.
    package func token(digest: Digest) throws -> TokenRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM token WHERE digest = ?", arguments: [digest.databaseBlob])
            .map(TokenRow.init)
    }

    package func token(uid: String) throws -> TokenRow? {
        try Row.fetchOne(db, sql: "SELECT * FROM token WHERE uid = ?", arguments: [uid]).map(TokenRow.init)
    }

    /// Tokens of an organisation, or of all, the oldest first; those that were revoked, too.
    package func tokens(org: Int64?) throws -> [TokenRow] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM token WHERE ?1 IS NULL OR org = ?1 ORDER BY created_ms, uid", arguments: [org]
        ).map(TokenRow.init)
    }

    /// Up to `limit` events of an organisation behind the number `after`, in order.
    package func events(org: Int64, after: Int64, limit: Int) throws -> [EventRow] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM event WHERE org = ? AND id > ? ORDER BY id LIMIT ?", arguments: [org, after, limit]
        ).map(EventRow.init)
    }
}

extension TokenRow {
    init(_ row: Row) throws {
        self.init(
            uid: try row.get("uid"), digest: try row.digest("digest"), org: try row.get("org"),
            subject: try row.get("subject"), scopes: try row.get("scopes"),
            createdMilliseconds: try row.get("created_ms"), expiresMilliseconds: try row.optional("expires_ms"),
            revokedMilliseconds: try row.optional("revoked_ms"))
    }
}

extension EventRow {
    init(_ row: Row) throws {
        self.init(
            id: try row.get("id"), milliseconds: try row.get("time_ms"), org: try row.get("org"),
            subject: try row.get("subject"), action: try row.get("action"), target: try row.get("target"),
            result: try row.get("result"), request: try row.optional("request"))
    }
}
