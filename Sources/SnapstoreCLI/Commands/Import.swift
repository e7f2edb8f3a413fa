import ArgumentParser
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Snapstore

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a snapshot that export wrote, or a tar archive.",
        discussion: """
            Examples:
              snapstore import tools.snap
              snapstore import - copy:1 < tools.snap
              snapstore import layer.tar base:1 --format tar
              zcat layer.tgz | snapstore import - base:1 --format tar

            Without a reference a snapshot keeps its name and tag. A tar archive has none, and needs one.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A file, or - for standard input.") var source: String
    @Argument(help: "NAME or NAME:TAG to give it.") var reference: String?
    @Option(help: "native or tar.") var format = ArchiveFormat.native

    func run() throws {
        let output = Output(global)
        output.status("import")
        let watch = Stopwatch()
        let name = try reference.map { try SnapshotResolver.parseName($0) }
        guard name != nil || format == .native else {
            throw StoreError(
                .invalid, "A tar archive does not say what the snapshot is to be called.",
                hint: "Give it a name: snapstore import \(source) NAME:TAG --format tar")
        }
        let file = try StoreError.mapped { source == "-" ? Descriptor(owning: 0) : try Kernel.open(source, .readOnly) }
        let store = try global.openStore(create: true)
        let session = try store.beginSession(.import, org: GlobalOptions.org)
        defer { session.end() }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        let job = Job(session: session, store: store, file: file, progress: progress)
        var (draft, tar) = try job.run(format)
        if let name { (draft.name, draft.tag) = name }
        progress.enter(.committing)
        let result = try session.commit(draft, cause: "import")
        reporter.stop()
        if let tar {
            output.warn(tar.warnings)
            for notice in tar.notices { output.note(notice) }
        }
        let snapshot = result.record
        let entryCount = tar.map { [("entryCount", JSONLine.Value.integer(Int64(clamping: $0.counts.entries)))] }
        try output.summary(
            "\(snapshot.displayName) is \(snapshot.manifest)\(result.isNew ? "" : ", as before")",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("logicalBytes", .integer(snapshot.logicalBytes)), ("newBytes", .integer(snapshot.newBytes)),
                ("fileCount", .integer(snapshot.fileCount)),
            ] + (entryCount ?? []) + [("seconds", .number(watch.seconds))])
    }
}

extension Import {
    /// An open file on its way into a session.
    private struct Job {
        let session: Session
        let store: Store
        let file: Descriptor
        let progress: Progress

        /// What to commit; for a tar archive without a name. What it had to say, too.
        func run(_ format: ArchiveFormat) throws -> (SnapshotDraft, CaptureResult?) {
            switch format {
            case .native:
                return (try NativeImport(session: session, progress: progress).run { try read($0) }, nil)
            case .tar:
                let tar = TarImport(sink: SessionSink(session, org: GlobalOptions.org), progress: progress) {
                    try Kernel.openUnnamed(inDirectory: store.layout.root + "/cache")
                }
                let result = try tar.run { [file, progress] in try progress.readNext(file, into: $0) }
                var draft = SnapshotDraft(name: "", tag: nil, manifest: result.manifest, kind: result.kind.rawValue)
                draft.logicalBytes = Int64(clamping: result.logicalBytes)
                draft.fileCount = Int64(clamping: result.fileCount)
                draft.chunkCount = Int64(clamping: result.chunkCount)
                return (draft, result)
            }
        }

        /// As many bytes as asked for, fewer only at the end. What is announced is read piece by piece: memory is given
        /// only for bytes that come.
        private func read(_ count: Int) throws -> [UInt8] {
            var bytes: [UInt8] = []
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(count, 1 << 20), alignment: 16)
            defer { buffer.deallocate() }
            while bytes.count < count {
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, count - bytes.count)])
                let got = try progress.readNext(file, into: room)
                if got == 0 { break }
                bytes.append(contentsOf: room[..<got])
            }
            return bytes
        }
    }
}
