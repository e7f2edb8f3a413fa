import ArgumentParser
import SnapCore
import SnapModel
import Snapstore

struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a file of a snapshot to standard output.",
        discussion: """
            Examples:
              snapstore cat tools:1 etc/os-release

            With --json, the JSON lines go to standard error.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "A path in it.") var path: ByteArgument

    func run() throws {
        let output = Output(global)
        output.status("cat")
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let tree = try SnapshotTree(snapshot, reader: try store.reader(org: GlobalOptions.org(of: reference)))
        let entry = try tree.entry(at: path.bytes)
        guard case .file(let content) = entry.node else { throw noFile(entry) }
        var bytes: Int64 = 0
        try tree.forEachPiece(of: content) { piece in
            try TextStream.output.put(piece)
            bytes += Int64(piece.count)
        }
        try output.summary("", [("bytes", .integer(bytes))])
    }

    private func noFile(_ entry: Entry) -> StoreError {
        let hint: String? =
            switch entry.node {
            case .directory: "List it with `snapstore ls \(reference) \(path.shown)`."
            case .symbolicLink(let target): "It is a symbolic link to \(escaped(target))."
            default: nil
            }
        return StoreError(.invalid, "\(path.shown) is no regular file.", hint: hint)
    }
}

extension Cat: TakesBytes {
    var byteArguments: [ByteArgument] { [path] }
}
