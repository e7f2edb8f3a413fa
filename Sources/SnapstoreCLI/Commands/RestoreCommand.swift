import ArgumentParser
import SnapCore
import SnapModel
import SnapTrees
import Snapstore

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Write a snapshot into a directory.",
        discussion: """
            Examples:
              snapstore restore tools:1 ./copy
              snapstore restore tools:1 ./etc --path etc
              snapstore restore tools:1 ./root --overwrite --verify

            The directory is new or empty. A restore that was interrupted goes on when it is repeated; until it is done \
            the file .snapstore-incomplete marks the directory.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "The directory to write to.", completion: .directory) var directory: String
    @Option(help: "Restore only this part.") var path: ByteArgument?
    @Flag(help: "Make the directory equal to the snapshot, removing what is not in it.") var overwrite = false
    @Flag(help: "Read everything back and compare.") var verify = false
    @Flag(help: "Wait until the disk has everything.") var sync = false
    @Flag(help: "Drop set-user-id bits, devices, security attributes and foreign owners.") var untrusted = false
    @Option(help: ArgumentHelp("Write on so many threads, 1 to 64; as many as processors, up to 8.", valueName: "n"))
    var jobs: Int?
    @Option(help: ArgumentHelp("Write the checkpoint's files to this directory too.", valueName: "dir"))
    var checkpoint: String?

    func validate() throws {
        guard jobs.map({ (1...64).contains($0) }) ?? true else { throw ValidationError("--jobs is 1 to 64.") }
    }

    func run() throws {
        let output = Output(global)
        output.status("restore")
        let watch = Stopwatch()
        guard !directory.isEmpty else { throw StoreError(.invalid, "The path of the directory is empty.") }
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        var options = RestoreOptions()
        options.path = SnapshotTree.plain(path?.bytes ?? [])
        options.overwrite = overwrite
        options.verify = verify
        options.sync = sync
        options.isUntrusted = untrusted
        if let jobs { options.jobs = jobs }
        // While it is open, gc keeps what the snapshot needs even if somebody deletes it.
        let session = try store.beginReading(org: GlobalOptions.org(of: reference))
        defer { session.end() }
        let reader = session.reader()
        if checkpoint != nil, try SnapshotTree(snapshot, reader: reader).manifest.checkpoint == nil {
            throw StoreError(
                .notFound, "\(snapshot.displayName) holds no checkpoint.", hint: "Leave out --checkpoint.")
        }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        let restore = Restore(reader: reader, options: options, progress: progress)
        let result = try restore.run(manifest: snapshot.manifest, into: directory)
        let payload = try checkpoint.map { try restore.runPayload(manifest: snapshot.manifest, into: $0) }
        reporter.stop()
        output.warn(result.warnings)
        if let payload { output.warn(payload.warnings) }
        let kept = result.keptFiles > 0 ? ", \(result.keptFiles) of them there already" : ""
        try output.summary(
            "\(snapshot.displayName) is in \(directory): \(Format.count(Int64(clamping: result.fileCount), "file"))\(kept), "
                + "\(Format.bytes(Int64(clamping: result.bytes))); \(Format.seconds(watch.seconds))",
            [
                ("fileCount", .integer(Int64(clamping: result.fileCount))),
                ("bytes", .integer(Int64(clamping: result.bytes))),
                ("entryCount", .integer(Int64(clamping: result.entryCount))),
                ("keptFiles", .integer(Int64(clamping: result.keptFiles))),
                ("seconds", .number(watch.seconds)),
            ])
    }
}

extension RestoreCommand: TakesBytes {
    var byteArguments: [ByteArgument] { path.map { [$0] } ?? [] }
}
