import ArgumentParser
import SnapCore
import SnapModel
import SnapTrees
import Snapstore

struct Cp: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy a file or directory out of a snapshot.",
        discussion: """
            Examples:
              snapstore cp tools:1:etc/motd ./motd
              snapstore cp tools:1:etc .         as ./etc
              snapstore cp tools:1:usr/bin ./bin.old

            Into a directory that exists, the copy goes under its own name; otherwise the path is its name. Owners, \
            modes, times and attributes are kept, as by restore. The copy appears when it is whole.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: ArgumentHelp("The snapshot, and a path in it.", valueName: "ref:path"), completion: .snapshot)
    var source: ByteArgument
    @Argument(help: "Where to copy it to.", completion: .file()) var destination: String
    @Flag(help: "Replace a file that is there; make a directory equal to the copied one.") var overwrite = false
    @Flag(help: "Drop set-user-id bits, devices, security attributes and foreign owners.") var untrusted = false

    func run() throws {
        let output = Output(global)
        output.status("cp")
        let watch = Stopwatch()
        let (reference, rawPath) = try CopyOut.split(source.bytes)
        let path = SnapshotTree.plain(rawPath)
        let store = try global.openStore()
        // While it is open, gc keeps what the snapshot needs even if somebody deletes it.
        let session = try store.beginReading(org: GlobalOptions.org(of: reference))
        defer { session.end() }
        let snapshot = try resolve(reference, in: store)
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        var operation = CopyOut()
        operation.overwrite = overwrite
        operation.isUntrusted = untrusted
        let tree = try SnapshotTree(snapshot, reader: session.reader())
        let result = try operation.run(snapshot, tree, path: path, to: destination, progress: progress)
        reporter.stop()
        let restored = result.restored
        output.warn(restored.warnings)
        let (files, bytes) = (Int64(clamping: restored.fileCount), Int64(clamping: restored.bytes))
        try output.summary(
            "\(escaped(result.path)): \(Format.count(files, "file")), \(Format.bytes(bytes)); "
                + Format.seconds(watch.seconds),
            [
                ("path", .text(escaped(result.path))), ("fileCount", .integer(files)), ("bytes", .integer(bytes)),
                ("entryCount", .integer(Int64(clamping: restored.entryCount))), ("seconds", .number(watch.seconds)),
            ])
    }

    /// A reference without a path reads as one whose tag is a path.
    private func resolve(_ reference: String, in store: Store) throws -> SnapshotRecord {
        do {
            return try global.resolve(reference, in: store)
        } catch let error as StoreError {
            guard error.code == .notFound, !reference.contains("@"), let colon = reference.lastIndex(of: ":"),
                let snapshot = try? global.resolve(String(reference[..<colon]), in: store)
            else { throw error }
            throw StoreError(
                .notFound, error.message,
                hint: "For a path of \(snapshot.displayName) that has a colon: \(reference[..<colon]):latest:PATH.")
        }
    }
}

extension Cp: TakesBytes {
    var byteArguments: [ByteArgument] { [source] }
}
