import ArgumentParser
import FoundationEssentials
import SnapCore
import SnapIO

struct Man: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "man",
        abstract: "Write the manual pages, made from what the parser knows.",
        discussion: """
            Examples:
              snapstore man create >snapstore-create.1
              snapstore man store backup >snapstore-store-backup.1
              snapstore man --directory ./man1             all of them

            Read one with `man -l FILE`; put them into a directory man1 of $MANPATH to have them all.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The command; none for snapstore itself.") var command: [String] = []
    @Option(help: ArgumentHelp("Write every page to this directory.", valueName: "dir"), completion: .directory)
    var directory: String?

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let root = try JSONDecoder().decode(ParserDump.self, from: Data(Snapstore._dumpHelp().utf8)).command
        var count: Int64 = 1
        if let directory {
            guard command.isEmpty else {
                throw StoreError(.invalid, "--directory writes every page: leave out the command.")
            }
            if !Kernel.isDirectory(directory) {
                try Kernel.makeParentDirectories(of: directory + "/page")
            }
            let pages = root.pages(above: [])
            count = Int64(pages.count)
            for page in pages {
                let file = try Kernel.open(
                    "\(directory)/\(page.name).1", [.writeOnly, .create, .truncate], mode: 0o644)
                try Array(page.roff.utf8).withUnsafeBytes { try Kernel.writeAll(file, $0) }
            }
            output.line("Wrote \(Format.count(count, "page")) to \(directory)")
        } else {
            _ = try CommandWords.arranged(command + ["--help"])
            guard let page = root.pages(above: []).first(where: { $0.command == ["snapstore"] + command }) else {
                throw StoreError(
                    .notFound, "There is no page for it.", hint: "See the commands with `snapstore --help`.")
            }
            try TextStream.output.put(page.roff)
        }
        try output.summary("", [("count", .integer(count))])
    }
}

extension Man: StoreCommand {
    static var name: String { "man" }
    var writesData: Bool { directory == nil }
}
