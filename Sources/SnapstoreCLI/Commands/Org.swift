import ArgumentParser
import SnapCore

struct OrgGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "org",
        abstract: "Make and list organisations: who shares one set of snapshots.",
        subcommands: [OrgCreate.self, OrgList.self])
}

struct OrgCreate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make an organisation.",
        discussion: """
            Examples:
              snapstore org create acme

            It shares no bytes with others but those of public snapshots. Makes the store, if there is none.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Its name: a-z, 0-9, and . _ - between them.") var organization: String

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let store = try global.openStore(create: true)
        try store.createOrg(organization)
        output.line("\(organization) is an organisation")
        output.line("Next: snapstore token create --org \(organization) --scope read:snapshots,write:snapshots")
        try output.summary("", [("org", .text(organization))])
    }
}

struct OrgList: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List organisations.",
        discussion: """
            Examples:
              snapstore org list
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let orgs = try global.openStore().orgs()
        for org in orgs { try output.item(org.name, [("org", .text(org.name))]) }
        if orgs.isEmpty { output.line("No organisations. Make one with: snapstore org create NAME") }
        try output.summary("", [("count", .integer(Int64(orgs.count)))])
    }
}
