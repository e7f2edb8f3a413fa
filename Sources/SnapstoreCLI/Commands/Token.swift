import ArgumentParser
import SnapCore
import SnapModel

struct TokenGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make, list and revoke tokens: what says over the network who one is.",
        subcommands: [TokenCreate.self, TokenList.self, TokenRevoke.self])
}

struct TokenCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a token, and print it.",
        discussion: """
            Examples:
              snapstore token create --org local --scope read:snapshots
              snapstore token create --org local --scope write:snapshots --expires 90d
              snapstore token create --org local --subject ci --scope read:usage

            Standard output is the token and a newline. It is shown this once: the store keeps a digest. Scopes: \
            \(AccessScope.all).
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "The organisation whose snapshots it is for.") var org: String
    @Option(help: "Who or what uses it, as events show it.") var subject = "operator"
    @Option(help: ArgumentHelp("What it allows, with commas between.", valueName: "scopes")) var scope: String
    @Option(help: ArgumentHelp("Until when: 12h, 90d, never.", valueName: "time")) var expires = Expiry.never

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let scopes: Set<AccessScope>
        do {
            scopes = try AccessScope.parse(scope)
        } catch {
            throw StoreError(.invalid, error.message)
        }
        let store = try global.openStore()
        let expiry = expires.span.map { store.nowMilliseconds() + $0.milliseconds }
        let made = try store.createToken(org: org, subject: subject, scopes: scopes, expiresMilliseconds: expiry)
        output.note("Token \(made.record.id) of \(org). Keep it: it is not shown again.")
        if !output.isJSON { try output.item(made.token.text, []) }
        try output.summary("", [("token", .text(made.token.text))] + made.record.fields)
    }
}

struct TokenList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List tokens, without what is secret in them.",
        discussion: """
            Examples:
              snapstore token list
              snapstore token list --org local --json
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: "Only those of one organisation.") var org: String?

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let store = try global.openStore()
        let tokens = try store.tokens(org: org)
        let now = store.nowMilliseconds()
        if output.isJSON {
            for token in tokens { try output.item("", token.fields) }
        } else if tokens.isEmpty {
            output.line("No tokens. Make one with: snapstore token create --org ORG --scope SCOPES")
        } else {
            let rows = tokens.map { token in
                [
                    token.id, token.org, RawText.printable(token.subject),
                    token.scopes.sorted().map(\.rawValue).joined(separator: ","), token.state(at: now),
                ]
            }
            for line in Format.table([["TOKEN", "ORG", "SUBJECT", "SCOPES", "STATE"]] + rows) {
                try output.item(line, [])
            }
        }
        try output.summary("", [("count", .integer(Int64(tokens.count)))])
    }
}

struct TokenRevoke: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Make a token worthless, at once.",
        discussion: """
            Examples:
              snapstore token revoke 0123456789abcdef

            The token is named by what `token list` shows of it.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The token's id.") var id: String

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        try global.openStore().revokeToken(id)
        try output.summary("\(id) is revoked", [("id", .text(id))])
    }
}

extension TokenRecord {
    /// As JSON shows it.
    fileprivate var fields: [(String, JSONLine.Value)] {
        [
            ("id", .text(id)), ("org", .text(org)), ("subject", .text(subject)),
            ("scopes", .list(scopes.sorted().map { .text($0.rawValue) })),
            ("createdMilliseconds", .integer(createdMilliseconds)),
            ("expiresMilliseconds", expiresMilliseconds.map { .integer($0) } ?? .null),
            ("revokedMilliseconds", revokedMilliseconds.map { .integer($0) } ?? .null),
        ]
    }

    fileprivate func state(at now: Int64) -> String {
        if let at = revokedMilliseconds { return "revoked \(Format.time(milliseconds: at))" }
        guard let at = expiresMilliseconds else { return "valid" }
        return (at > now ? "until " : "expired ") + Format.time(milliseconds: at)
    }
}
