import ArgumentParser
import SnapCore
import SnapModel
import Snapstore

struct Env: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write the environment that a snapshot is configured with.",
        discussion: """
            Examples:
              snapstore env tools:1
              env -i -S "$(snapstore env tools:1)" true
              set -a; eval "$(snapstore env tools:1)"; set +a

            One NAME=VALUE a line, quoted as shells and env -S read it; with -0, the bytes as they are, each with a \
            NUL at its end. Of a name that is set twice, the last value.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Flag(name: [.customShort("0"), .long], help: "End each with a NUL, and quote nothing.") var null = false

    func run() throws {
        let output = Output(global)
        output.status("env")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let tree = try SnapshotTree(snapshot, reader: try store.reader(org: GlobalOptions.org(of: reference)))
        let all = tree.manifest.config.environment
        let last = Dictionary(all.indices.map { (all[$0].name, $0) }) { $1 }
        let variables = all.indices.filter { last[all[$0].name] == $0 }.map { all[$0] }
        for variable in variables {
            if output.isJSON {
                try output.item(
                    "", [("name", .text(escaped(variable.name))), ("value", .text(escaped(variable.value)))])
            } else if null {
                try TextStream.output.put(variable.name + [61] + variable.value + [0])
            } else {
                try TextStream.output.put(
                    ShellWord.quoted(variable.name) + [61] + ShellWord.quoted(variable.value) + [10])
            }
        }
        try output.summary("", [("count", .integer(Int64(variables.count)))])
    }
}
