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
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot.") var reference: String
    @Argument(help: "A file that does not exist, or - for standard output.") var destination: String

    func run() throws {
        let output = Output(global)
        if destination != "-" { output.status("export") }
        let store = try global.openStore()
        let snapshot = try global.resolve(reference, in: store)
        let session = try store.beginSession(.restore, org: GlobalOptions.org)
        defer { session.end() }
        let reader = session.reader()
        let file = try StoreError.mapped { try open() }
        var bytes: Int64 = 0
        let watch = Stopwatch()
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        try NativeExport(load: { try reader.read($0) }, progress: progress).run(snapshot) { piece in
            bytes += Int64(piece.count)
            try piece.withUnsafeBytes { try Kernel.writeAll(file, $0) }
        }
        reporter.stop()
        guard destination != "-" else { return }
        try output.summary(
            "\(snapshot.displayName) is in \(destination): \(Format.bytes(bytes)); \(Format.seconds(watch.seconds))",
            [("bytes", .integer(bytes)), ("seconds", .number(watch.seconds))])
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

struct Import: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read a snapshot that export wrote.",
        discussion: """
            Examples:
              snapstore import tools.snap
              snapstore import - copy:1 < tools.snap

            Without a reference the snapshot keeps its name and tag.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "A file, or - for standard input.") var source: String
    @Argument(help: "NAME or NAME:TAG to give it.") var reference: String?

    func run() throws {
        let output = Output(global)
        output.status("import")
        let watch = Stopwatch()
        let name = try reference.map { try SnapshotResolver.parseName($0) }
        let file = try StoreError.mapped { source == "-" ? Descriptor(owning: 0) : try Kernel.open(source, .readOnly) }
        let store = try global.openStore(create: true)
        let session = try store.beginSession(.import, org: GlobalOptions.org)
        defer { session.end() }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        var draft = try NativeImport(session: session, progress: progress).run { count in
            try Self.read(file, count, progress)
        }
        if let name { (draft.name, draft.tag) = name }
        let result = try session.commit(draft, cause: "import")
        reporter.stop()
        let snapshot = result.record
        try output.summary(
            "\(snapshot.displayName) is \(snapshot.manifest)\(result.isNew ? "" : ", as before")",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("logicalBytes", .integer(snapshot.logicalBytes)), ("newBytes", .integer(snapshot.newBytes)),
                ("fileCount", .integer(snapshot.fileCount)), ("seconds", .number(watch.seconds)),
            ])
    }

    /// As many bytes as asked for, fewer only at the end. What is announced is read piece by piece: memory is given only
    /// for bytes that come.
    private static func read(_ file: Descriptor, _ count: Int, _ progress: Progress) throws -> [UInt8] {
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
