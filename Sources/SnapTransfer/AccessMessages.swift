package import SnapCore
package import SnapModel

// Organisations, tokens and events as JSON. Times are milliseconds since 1970.

package struct OrganizationMessage: Codable, Sendable {
    package var org: String

    package init(org: String) { self.org = org }
}

/// Asks for a token of the organisation of whoever asks.
package struct NewTokenMessage: Codable, Sendable {
    package var subject: String
    package var scopes: [String]
    package var expiresMilliseconds: Int64?
}

/// What is known of a token; with the token itself only in the answer that makes it.
package struct TokenMessage: Codable, Sendable {
    package var id: String
    package var org: String
    package var subject: String
    package var scopes: [String]
    package var createdMilliseconds: Int64
    package var expiresMilliseconds: Int64?
    package var revokedMilliseconds: Int64?
    package var token: String?

    package init(_ record: TokenRecord, token: AccessToken? = nil) {
        id = record.id
        org = record.org
        subject = record.subject
        scopes = record.scopes.sorted().map(\.rawValue)
        createdMilliseconds = record.createdMilliseconds
        expiresMilliseconds = record.expiresMilliseconds
        revokedMilliseconds = record.revokedMilliseconds
        self.token = token?.text
    }
}

package struct TokenListMessage: Codable, Sendable {
    package var tokens: [TokenMessage]

    package init(_ records: [TokenRecord]) { tokens = records.map { TokenMessage($0) } }
}

package struct EventMessage: Codable, Sendable {
    package var id: Int64
    package var milliseconds: Int64
    package var subject: String
    package var action: String
    package var target: String
    package var result: String
    package var requestId: String?

    init(_ event: Event) {
        id = event.id
        milliseconds = event.milliseconds
        subject = event.subject
        action = event.action
        target = event.target
        result = event.result
        requestId = event.request
    }
}

package struct EventListMessage: Codable, Sendable {
    package var events: [EventMessage]
    /// Where the feed goes on: also when there are none for now.
    package var cursor: String

    package init(_ events: [Event], after cursor: Int64) {
        self.events = events.map { EventMessage($0) }
        self.cursor = String(events.last?.id ?? cursor)
    }
}
