import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Organisations, tokens, and the events that say who made them.
@Suite struct StoreAccessTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func makeStore() throws -> Store {
        let store = try Store.open(path: directory.file("store"), create: true)
        try store.createOrg("acme")
        return store
    }

    @Test func anOrganisationIsMadeOnce() throws {
        let store = try makeStore()
        #expect(try store.orgs().map(\.name) == ["acme"])
        #expect(throws: StoreError.self) { try store.createOrg("acme") }
        for name in ["", "public", "Acme", "a/b", "-a", "a\n", String(repeating: "a", count: 129)] {
            let error = #expect(throws: StoreError.self, "\(name)") { try store.createOrg(name) }
            #expect(error?.code == .invalid)
        }
        try store.createOrg(String(repeating: "a", count: 128))
        #expect(try store.orgs().count == 2)
    }

    @Test func aTokenSaysWhoseItIsUntilItIsRevoked() throws {
        let store = try makeStore()
        try store.createOrg("other")
        let scopes: Set<AccessScope> = [.readSnapshots, .writeSnapshots]
        let (token, record) = try store.createToken(
            org: "acme", subject: "ci", scopes: scopes, expiresMilliseconds: nil)
        let second = try store.createToken(org: "other", subject: "ci", scopes: [.adminStore], expiresMilliseconds: nil)
        // Another process, after a restart.
        let again = try Store.open(path: directory.file("store"), create: false)
        let bearer = try #require(try again.bearer(of: AccessToken(token.text)))
        #expect(bearer.org == "acme" && bearer.subject == "ci" && bearer.scopes == scopes)
        #expect(bearer.token == record.id)
        #expect(try again.tokens(org: "acme") == [record])
        #expect(try again.tokens().count == 2)
        #expect(try again.bearer(of: AccessToken()) == nil)
        // Of another organisation it is not there.
        #expect(throws: StoreError.self) { try again.revokeToken(record.id, org: "other") }
        #expect(try store.bearer(of: token) != nil)
        try again.revokeToken(record.id, org: "acme")
        #expect(try store.bearer(of: token) == nil && store.bearer(of: second.token) != nil)
        let revoked = try #require(try store.tokens(org: "acme").first)
        try store.revokeToken(record.id)
        #expect(try store.tokens(org: "acme") == [revoked] && revoked.revokedMilliseconds != nil)
    }

    @Test func aTokenEndsAtItsTime() throws {
        let store = try makeStore()
        let now = store.nowMilliseconds()
        let past = try store.createToken(
            org: "acme", subject: "a", scopes: [.readUsage], expiresMilliseconds: now - 1)
        let later = try store.createToken(
            org: "acme", subject: "a", scopes: [.readUsage], expiresMilliseconds: now + 3_600_000)
        #expect(try store.bearer(of: past.token) == nil && store.bearer(of: later.token) != nil)
    }

    @Test func subjectsAreTextOfSomeLength() throws {
        let store = try makeStore()
        for subject in ["", String(repeating: "a", count: 257), "a\0b"] {
            let error = #expect(throws: StoreError.self) {
                try store.createToken(org: "acme", subject: subject, scopes: [.readUsage], expiresMilliseconds: nil)
            }
            #expect(error?.code == .invalid)
        }
        #expect(throws: StoreError.self) {
            try store.createToken(org: "nobody", subject: "a", scopes: [.readUsage], expiresMilliseconds: nil)
        }
    }

    /// A token is nowhere in the store's files.
    @Test func noFileHasTheToken() throws {
        let store = try makeStore()
        let made = try store.createToken(org: "acme", subject: "a", scopes: [.readUsage], expiresMilliseconds: nil)
        let secret = Array(made.token.text.utf8.dropFirst(5).prefix(20))
        for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
            let bytes = try Kernel.readFile(directory.file("store/" + name), limit: 64 << 20)
            #expect(
                !bytes.isEmpty
                    && !String(decoding: bytes, as: UTF8.self).contains(String(decoding: secret, as: UTF8.self)))
        }
    }

    @Test func whatIsDoneIsAnEvent() throws {
        let store = try makeStore()
        try store.createOrg("other")
        let author = EventAuthor(subject: "alice", request: "r-1")
        let made = try store.createToken(
            org: "acme", subject: "a", scopes: [.readUsage], expiresMilliseconds: nil, by: author)
        for _ in 0..<2 { try store.revokeToken(made.record.id, by: author) }
        let events = try store.events(org: "acme", limit: 10)
        #expect(events.map(\.action) == ["org.create", "token.create", "token.revoke"])
        #expect(events.map(\.subject) == ["operator", "alice", "alice"])
        #expect(events.map(\.target) == ["acme", made.record.id, made.record.id])
        #expect(events.map(\.request) == [nil, "r-1", "r-1"] && events.allSatisfy { $0.result == "ok" })
        #expect(try store.events(org: "other", limit: 10).map(\.target) == ["other"])
        // A feed goes on behind the last one seen.
        let rest = try store.events(org: "acme", after: events[0].id, limit: 1)
        #expect(rest == [events[1]])
        #expect(try store.events(org: "acme", after: events[2].id, limit: 10).isEmpty)
    }
}
