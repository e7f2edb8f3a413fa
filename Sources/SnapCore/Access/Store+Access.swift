internal import SnapCatalogue
internal import SnapDigest
package import SnapModel

// Who may do what over the network. What is asked of the store itself, by whoever may read its files, needs no token.

extension Store {
    /// Organisations, by name.
    package func orgs() throws(StoreError) -> [Organization] {
        try StoreError.mapped { try catalogue.read { try $0.orgs() }.map { Organization(name: $0.name) } }
    }

    /// Makes an organisation, with a scope of its own.
    ///
    /// - Throws: ``StoreError/Code/preconditionFailed`` when there is one of that name, ``StoreError/Code/invalid`` for what
    ///   is no name.
    package func createOrg(_ name: String, by author: EventAuthor = .operator) throws(StoreError) {
        guard SnapshotName.isValid(name) else {
            throw StoreError(
                .invalid, "`\(escaped(Array(name.utf8.prefix(200))))` is no name for an organisation.",
                hint: "Use a-z, 0-9, and . _ - between them.")
        }
        try Self.refuseReserved(name)
        try StoreError.mapped {
            try catalogue.write("org") { tx in
                guard try tx.reading.org(named: name) == nil else {
                    throw StoreError(
                        .preconditionFailed, "There is an organisation `\(name)` already.",
                        hint: "See them with `snapstore org list`.")
                }
                let org = try tx.insertOrg(named: name, createdMilliseconds: clock.milliseconds())
                try tx.note("org.create", target: name, org: org.id, by: author, at: clock.milliseconds())
            }
        }
    }

    /// - Throws: ``StoreError/Code/invalid`` for the name that the scope of all has.
    static func refuseReserved(_ name: String) throws(StoreError) {
        guard name != "public" else {
            throw StoreError(.invalid, "`public` is what every organisation may read, and none of them.")
        }
    }

    /// Makes a token, which is returned this once: the store keeps its digest.
    ///
    /// - Parameter expiresMilliseconds: From when on it is worth nothing; nil for never.
    /// - Throws: ``StoreError/Code/notFound`` for an unknown organisation.
    package func createToken(
        org name: String, subject: String, scopes: Set<AccessScope>, expiresMilliseconds: Int64?,
        by author: EventAuthor = .operator
    ) throws(StoreError) -> (token: AccessToken, record: TokenRecord) {
        guard (1...TokenRecord.subjectBytesMax).contains(subject.utf8.count), !subject.contains("\0") else {
            throw StoreError(
                .invalid, "The subject of a token has 1 to \(TokenRecord.subjectBytesMax) bytes of text.",
                hint: "Say who or what uses it: a name, an address.")
        }
        return try StoreError.mapped {
            let org = try knownOrg(name)
            let token = try AccessToken()
            let row = TokenRow(
                uid: Hex.encode(RecordID().bytes.prefix(8)), digest: try token.digest(), org: org.id,
                subject: subject, scopes: scopes.sorted().map(\.rawValue).joined(separator: " "),
                createdMilliseconds: clock.milliseconds(), expiresMilliseconds: expiresMilliseconds,
                revokedMilliseconds: nil)
            try catalogue.write("token") { tx in
                try tx.insertToken(row)
                try tx.note("token.create", target: row.uid, org: org.id, by: author, at: clock.milliseconds())
            }
            return (token, TokenRecord(row, org: org.name))
        }
    }

    /// Tokens of an organisation, or of all, the oldest first.
    package func tokens(org name: String? = nil) throws(StoreError) -> [TokenRecord] {
        try StoreError.mapped {
            let only = try name.map { try knownOrg($0).id }
            return try catalogue.read { tx in
                let names = Dictionary(uniqueKeysWithValues: try tx.orgs().map { ($0.id, $0.name) })
                return try tx.tokens(org: only).map { TokenRecord($0, org: names[$0.org] ?? "") }
            }
        }
    }

    /// Makes a token worthless from now on. Does nothing to one that was revoked before.
    ///
    /// - Parameter org: Only one of this organisation; nil for any.
    /// - Throws: ``StoreError/Code/notFound``.
    package func revokeToken(_ uid: String, org: String? = nil, by author: EventAuthor = .operator) throws(StoreError) {
        try StoreError.mapped {
            let only = try org.map { try knownOrg($0).id }
            try catalogue.write("token") { tx in
                guard let token = try tx.reading.token(uid: uid), only == nil || only == token.org else {
                    throw StoreError(
                        .notFound, "There is no token `\(escaped(Array(uid.utf8.prefix(200))))`.",
                        hint: "See them with `snapstore token list`.")
                }
                guard token.revokedMilliseconds == nil else { return }
                try tx.revokeToken(uid: uid, milliseconds: clock.milliseconds())
                try tx.note("token.revoke", target: uid, org: token.org, by: author, at: clock.milliseconds())
            }
        }
    }

    /// Whose token this is; nil for one that is unknown, revoked or past its time. Nothing tells which.
    package func bearer(of token: AccessToken) throws(StoreError) -> Bearer? {
        try StoreError.mapped {
            let digest = try token.digest()
            return try catalogue.read { tx in
                guard let row = try tx.token(digest: digest), row.revokedMilliseconds == nil,
                    row.expiresMilliseconds.map({ $0 > clock.milliseconds() }) ?? true,
                    let org = try tx.orgs().first(where: { $0.id == row.org })
                else { return nil }
                let record = TokenRecord(row, org: org.name)
                return Bearer(org: org.name, subject: row.subject, token: row.uid, scopes: record.scopes)
            }
        }
    }

    /// Up to `limit` events of an organisation behind the number `after`, in order.
    ///
    /// - Throws: ``StoreError/Code/notFound`` for an unknown organisation.
    package func events(org: String, after: Int64 = 0, limit: Int) throws(StoreError) -> [Event] {
        try StoreError.mapped {
            let org = try knownOrg(org)
            return try catalogue.read { try $0.events(org: org.id, after: after, limit: limit) }.map { Event($0) }
        }
    }
}

extension WriteAccess {
    /// Notes, in the transaction that does it, that something is done.
    func note(_ action: String, target: String, org: Int64, by author: EventAuthor, at milliseconds: Int64) throws {
        try insertEvent(
            EventRow(
                milliseconds: milliseconds, org: org, subject: author.subject, action: action, target: target,
                result: "ok", request: author.request))
    }
}
