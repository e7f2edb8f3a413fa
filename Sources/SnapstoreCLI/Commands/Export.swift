import ArgumentParser
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Snapstore

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a snapshot to a file or standard output.",
        discussion: """
            Examples:
              snapstore export tools:1 tools.snap
              snapstore export tools:1 - | ssh host snapstore import -
              snapstore export tools:1 tools.tar --format tar
              snapstore export tools:1 - --format tar | tar -C root -xpf -

            The native format has all of a snapshot, in little room. A tar archive has its files, for any other program.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.", completion: .snapshot) var reference: String
    @Argument(help: "A file that does not exist, or - for standard output.") var destination: String
    @Option(help: "native or tar.") var format = ArchiveFormat.native

    func run() throws {
        let output = Output(global)
        output.status("export")
        guard destination != "-" || !TextStream.output.isTerminal else {
            throw StoreError(
                .invalid, "Standard output is a terminal, which cannot show an archive.",
                hint: "Send it to a program or a file: snapstore export \(reference) - > FILE")
        }
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let session = try store.beginReading(org: GlobalOptions.org(of: reference))
        defer { session.end() }
        let reader = session.reader()
        let file = try StoreError.mapped { try open() }
        let watch = Stopwatch()
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        var tag: String?
        if case .name(_, let named, _) = try SnapshotResolver.parse(reference).target {
            tag = named ?? Reference.defaultTag
        }
        let job = Job(snapshot: snapshot, tag: tag, reader: reader, store: store, file: file, progress: progress)
        let summary: Summary
        do {
            summary = try job.run(format)
            try StoreError.mapped { try file.close() }
        } catch {
            // Half an archive is worth nothing.
            if destination != "-" { try? Kernel.removeFile(destination) }
            throw error
        }
        reporter.stop()
        output.warn(summary.warnings)
        for notice in summary.notices { output.note(notice) }
        try output.summary(
            destination == "-"
                ? ""
                : "\(snapshot.displayName) is in \(destination): \(summary.text); \(Format.seconds(watch.seconds))",
            summary.fields + [("seconds", .number(watch.seconds))])
    }

    private func open() throws -> Descriptor {
        if destination == "-" { return Descriptor(owning: 1) }
        do {
            return try Kernel.open(destination, [.writeOnly, .create, .exclusive], mode: 0o644)
        } catch {
            guard error.isExisting else { throw error }
            throw StoreError(.preconditionFailed, "\(destination) exists.", hint: "Choose another name, or remove it.")
        }
    }
}

extension Export {
    /// What came of it.
    private struct Summary {
        var bytes: Int64 = 0
        /// Members of a tar archive.
        var entryCount: Int64?
        var warnings = WarningList()
        var notices: [String] = []

        var text: String {
            (entryCount.map { "\($0) entries, " } ?? "") + Format.bytes(bytes)
        }

        var fields: [(String, JSONLine.Value)] {
            [("bytes", .integer(bytes))] + (entryCount.map { [("entryCount", .integer($0))] } ?? [])
        }
    }

    /// One snapshot on its way into an open file.
    private struct Job {
        let snapshot: SnapshotRecord
        /// That it was asked for by.
        let tag: String?
        let reader: ObjectReader
        let store: Store
        let file: Descriptor
        let progress: Progress

        func run(_ format: ArchiveFormat) throws -> Summary {
            var summary = Summary()
            switch format {
            case .native:
                var bytes: Int64 = 0
                try NativeExport(load: { try reader.read($0) }, progress: progress).run(snapshot, tag: tag) { piece in
                    bytes += Int64(piece.count)
                    try write(piece)
                }
                summary.bytes = bytes
            case .tar:
                progress.setTotals(entries: 0, bytes: UInt64(clamping: snapshot.logicalBytes))
                let export = TarExport(load: { try reader.read($0) }, progress: progress) {
                    try Kernel.openUnnamed(inDirectory: store.layout.root + "/cache")
                }
                let result = try export.run(manifest: snapshot.manifest, write: write)
                summary.bytes = Int64(clamping: result.bytes)
                summary.entryCount = Int64(clamping: result.entryCount)
                summary.warnings = result.warnings
                summary.notices = result.notices
            }
            return summary
        }

        private func write(_ piece: [UInt8]) throws {
            try piece.withUnsafeBytes { try Kernel.writeAll(file, $0) }
        }
    }
}
