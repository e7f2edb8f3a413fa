internal import GRDB
internal import SnapDigest

// Who may do what, and what was done.

extension WriteAccess {
    package func insertToken(_ token: TokenRow) throws {
        try run(
            "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                token.uid, token.digest.databaseBlob, token.org, token.subject, token.scopes, token.createdMilliseconds,
                token.expiresMilliseconds, token.revokedMilliseconds,
            ])
    }

    /// Takes a token back, unless that was done before.
    package func revokeToken(uid: String, milliseconds: Int64) throws {
        try run("UPDATE token SET revoked_ms = ? WHERE uid = ? AND revoked_ms IS NULL", [milliseconds, uid])
    }

    /// Appends an event; its `id` is ignored.
    package func insertEvent(_ event: EventRow) throws {
        try run(
            "INSERT INTO event (time_ms, org, subject, action, target, result, request) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                event.milliseconds, event.org, event.subject, event.action, event.target, event.result, event.request,
            ])
    }
}
