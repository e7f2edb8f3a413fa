import ArgumentParser
import SnapCore

struct Expire: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say when a snapshot is to go by itself.",
        discussion: """
            Examples:
              snapstore expire tools:1 30d      gc deletes it in thirty days
              snapstore expire tools:1 never

            What has expired is there until the next `snapstore gc`, and can be undone within its grace.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: ArgumentHelp("How long from now: 12h, 30d; or never.", valueName: "time")) var after: Expiry

    func run() throws {
        let output = Output(global)
        output.status("expire")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let at = after.span.map { store.nowMilliseconds() + $0.milliseconds }
        try store.setExpires(milliseconds: at, id: snapshot.id, org: snapshot.org)
        let when = at.map { "expires at \(Format.time(milliseconds: $0)) UTC" } ?? "does not expire"
        try output.summary(
            "\(snapshot.displayName) \(when)",
            [("id", .text(snapshot.id.description)), ("expiresMilliseconds", at.map { .integer($0) } ?? .null)])
    }
}

/// A span of time, or `never`.
struct Expiry: ExpressibleByArgument {
    /// nil for never.
    let span: TimeSpan?

    static let never = Expiry(span: nil)

    private init(span: TimeSpan?) { self.span = span }

    var defaultValueDescription: String { "never" }

    init?(argument: String) {
        guard argument != "never" else {
            span = nil
            return
        }
        guard let span = TimeSpan(argument: argument) else { return nil }
        self.span = span
    }
}
