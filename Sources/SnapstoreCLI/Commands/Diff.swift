import ArgumentParser
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Snapstore

struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what differs between two snapshots, or a snapshot and a directory.",
        discussion: """
            Examples:
              snapstore diff tools:1 tools:2
              snapstore diff tools:1 ./root
              snapstore diff tools:1 ./root --ignore-times

            What begins with / or . is a directory. + was added, - was removed, M was changed.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot to compare from.") var old: String
    @Argument(help: "The snapshot or directory to compare with.") var new: ByteArgument
    @Flag(help: "Do not look at times.") var ignoreTimes = false

    func run() throws {
        let output = Output(global)
        output.status("diff")
        let store = try global.openStore()
        let session = try store.beginSession(.restore, org: GlobalOptions.org)
        defer { session.end() }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        let reader = session.reader()
        let tree = try SnapshotTree(try global.resolve(old, in: store), reader: reader)
        let (root, load) = try other(store, session, reader, progress, output)
        // Nothing but changes is written from now on.
        progress.enter(.done)
        var counts: [TreeChange.Kind: Int64] = [:]
        try StoreError.mapped {
            let old: ObjectLoader = { key in
                try progress.check()
                return try tree.load(key)
            }
            try TreeDiff(old: old, new: load, ignoringTimes: ignoreTimes).run(old: tree.root, new: root) {
                try progress.check()
                counts[$0.kind, default: 0] += 1
                try show($0, output)
            }
        }
        let (added, removed, changed) = (counts[.added] ?? 0, counts[.removed] ?? 0, counts[.changed] ?? 0)
        try output.summary(
            added + removed + changed == 0
                ? "No differences" : "\(added) added, \(removed) removed, \(changed) changed",
            [("added", .integer(added)), ("removed", .integer(removed)), ("changed", .integer(changed))])
    }

    /// What is compared with: a snapshot's tree, or a directory captured for the purpose.
    private func other(
        _ store: Store, _ session: Session, _ reader: ObjectReader, _ progress: Progress, _ output: Output
    ) throws -> (Entry, ObjectLoader) {
        if let snapshot = try snapshotMeant(store) {
            let tree = try SnapshotTree(snapshot, reader: reader)
            return (tree.root, tree.load)
        }
        try new.checkIsDirectory()
        let sink = ComparisonSink(session)
        var options = CaptureOptions(kind: .directory)
        options.storePath = store.layout.root
        let captured = try Capture(sink: sink, options: options, org: GlobalOptions.org, progress: progress)
            .run(directory: new.bytes)
        output.warn(captured.warnings)
        let load: ObjectLoader = { key in try sink.node(key) ?? reader.read(key) }
        return try StoreError.mapped {
            let manifest = try Manifest.decode(load(ObjectKey(.manifest, captured.manifest)))
            return (try RootNode.decode(load(ObjectKey(.tree, manifest.root))), load)
        }
    }

    /// The snapshot that the argument means; nil when it means a directory: what begins with `/` or `.`, or is no
    /// snapshot but is there.
    private func snapshotMeant(_ store: Store) throws -> SnapshotRecord? {
        if new.bytes.first == 47 || new.bytes.first == 46 { return nil }
        guard let text = String(validating: new.bytes, as: UTF8.self) else { return nil }
        do {
            return try global.resolve(text, in: store)
        } catch let error as StoreError {
            guard error.code == .notFound || error.code == .invalid, Kernel.exists(text) else { throw error }
            return nil
        }
    }

    private func show(_ change: TreeChange, _ output: Output) throws {
        let sign =
            switch change.kind {
            case .added: "+"
            case .removed: "-"
            case .changed: "M"
            }
        let what = change.aspects.map(\.rawValue).joined(separator: ", ")
        let path = change.path.isEmpty ? "." : escaped(change.path)
        try output.item(
            "\(sign) \(path)" + (what.isEmpty ? "" : "  (\(what))"),
            [
                ("change", .text(change.kind.rawValue)), ("path", .text(escaped(change.path))),
                ("kind", .text(change.entry.kindText)),
                ("aspects", .list(change.aspects.map { .text($0.rawValue) })),
            ])
    }
}

extension Diff: TakesBytes {
    var byteArguments: [ByteArgument] { [new] }
}
