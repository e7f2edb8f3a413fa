import ArgumentParser
import SnapCore

struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the store holds and what it takes.",
        discussion: """
            Examples:
              snapstore stats
              snapstore stats --json
            """)

    @OptionGroup var global: GlobalOptions

    func run() throws {
        let output = Output(global)
        output.status("stats")
        let sum = try global.openStore().statistics()
        let rows = [
            ["snapshots", String(sum.snapshots)], ["files in them", Format.bytes(sum.logicalBytes)],
            ["distinct", "\(Format.bytes(sum.heldBytes)) in \(sum.objects) objects"],
            ["packs", "\(Format.bytes(sum.packBytes)) in \(sum.packs)"],
            ["unused in packs", Format.bytes(sum.deadBytes) + " (before compression)"],
            ["let go, in grace", Format.bytes(sum.condemnedBytes) + " (before compression)"],
            ["catalogue", Format.bytes(sum.catalogueBytes)], ["sessions", String(sum.sessions)],
        ]
        if !output.isJSON { for line in Format.table(rows) { try output.item(line, []) } }
        try output.summary(
            "",
            [
                ("snapshots", .integer(Int64(sum.snapshots))), ("logicalBytes", .integer(sum.logicalBytes)),
                ("heldBytes", .integer(sum.heldBytes)), ("objects", .integer(sum.objects)),
                ("packs", .integer(Int64(sum.packs))), ("packBytes", .integer(sum.packBytes)),
                ("deadBytes", .integer(sum.deadBytes)), ("condemnedBytes", .integer(sum.condemnedBytes)),
                ("catalogueBytes", .integer(sum.catalogueBytes)), ("sessions", .integer(Int64(sum.sessions))),
            ])
    }
}
