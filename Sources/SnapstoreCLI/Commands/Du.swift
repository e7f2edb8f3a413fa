import ArgumentParser
import SnapCore
import SnapModel
import SnapTrees
import Snapstore

struct Du: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the directories of a snapshot take.",
        discussion: """
            Examples:
              snapstore du tools:1
              snapstore du tools:1 usr --depth 2

            SIZE is the files' lengths, DISTINCT the data in them with every chunk counted once: what the directory \
            would take in an empty store, before compression. The biggest comes first.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "Where to begin.") var path: ByteArgument?
    @Option(help: ArgumentHelp("Levels of directories to show.", valueName: "n")) var depth = 1

    func run() throws {
        let output = Output(global)
        output.status("du")
        guard depth >= 0 else { throw StoreError(.invalid, "--depth is a number from 0 on.") }
        try global.look(into: reference, at: path) { look in
            var usage = DirectoryUsage(depth: depth) { key in
                try look.progress.check()
                return try look.tree.load(key)
            }
            let rows = try usage.run(look.entry, path: look.path)
            try show(rows, output)
            let total = rows.first { $0.path == look.path }
            try output.summary(
                "",
                [
                    ("logicalBytes", .integer(Int64(clamping: total?.logicalBytes ?? 0))),
                    ("distinctBytes", .integer(Int64(clamping: total?.distinctBytes ?? 0))),
                    ("fileCount", .integer(Int64(clamping: total?.fileCount ?? 0))),
                    ("count", .integer(Int64(rows.count))),
                ])
        }
    }

    private func show(_ rows: [DirectoryUsage.Row], _ output: Output) throws {
        func name(_ row: DirectoryUsage.Row) -> String { row.path.isEmpty ? "." : escaped(row.path) }
        if output.isJSON {
            for row in rows {
                try output.item(
                    "",
                    [
                        ("path", .text(name(row))), ("logicalBytes", .integer(Int64(clamping: row.logicalBytes))),
                        ("distinctBytes", .integer(Int64(clamping: row.distinctBytes))),
                        ("fileCount", .integer(Int64(clamping: row.fileCount))),
                    ])
            }
            return
        }
        let cells = rows.map { row in
            [
                Format.bytes(Int64(clamping: row.logicalBytes)), Format.bytes(Int64(clamping: row.distinctBytes)),
                String(row.fileCount), name(row),
            ]
        }
        for line in Format.table([["SIZE", "DISTINCT", "FILES", "PATH"]] + cells, right: [0, 1, 2]) {
            try output.item(line, [])
        }
    }
}

extension Du: TakesBytes {
    var byteArguments: [ByteArgument] { path.map { [$0] } ?? [] }
}
