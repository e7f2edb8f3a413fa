import ArgumentParser
import SnapCore
import SnapModel
import Snapstore

struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a file of a snapshot to standard output.",
        discussion: """
            Example:
              snapstore cat tools:1 etc/os-release
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.") var reference: String
    @Argument(help: "A path in it.") var path: String

    func run() throws {
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let tree = try SnapshotTree(snapshot, reader: try store.reader(org: GlobalOptions.org))
        guard case .file(let content) = try tree.entry(at: Array(path.utf8)).node else {
            throw StoreError(
                .invalid, "\(escaped(Array(path.utf8))) is no regular file.",
                hint: "List a directory with `snapstore ls \(reference) \(escaped(Array(path.utf8)))`.")
        }
        try tree.forEachPiece(of: content) { TextStream.output.write($0) }
    }
}
