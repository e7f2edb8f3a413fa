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

            What begins with / or . is a directory. + was added, - was removed, M was changed. After the paths come             differences of the configuration (a directory has none) and of hard links.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The snapshot to compare from.", completion: .snapshot) var old: String
    @Argument(help: "The snapshot or directory to compare with.", completion: .file()) var new: ByteArgument
    @Flag(help: "Do not look at times.") var ignoreTimes = false

    func run() throws {
        let output = Output(global)
        output.status("diff")
        let store = try global.openStore()
        let reading = try store.beginReading(org: GlobalOptions.org(of: old))
        defer { reading.end() }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        let reader = reading.reader()
        let tree = try SnapshotTree(try global.resolve(old, in: store), reader: reader)
        let other = try other(store, reading, reader, progress, output)
        // Nothing but changes is written from now on.
        progress.enter(.done)
        var counts: [TreeChange.Kind: Int64] = [:]
        try StoreError.mapped {
            let old: ObjectLoader = { key in
                try progress.check()
                return try tree.load(key)
            }
            try TreeDiff(old: old, new: other.load, ignoringTimes: ignoreTimes).run(old: tree.root, new: other.root) {
                try progress.check()
                counts[$0.kind, default: 0] += 1
                try show($0, output)
            }
            for change in other.isSnapshot ? ManifestDiff.changes(old: tree.manifest, new: other.manifest) : [] {
                counts[change.kind, default: 0] += 1
                try show(change, output)
            }
            try LinkDiff.run(
                old: tree.manifest.links, new: other.manifest.links, loadOld: old, loadNew: other.load
            ) {
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

    /// What is compared with: a snapshot, or a directory captured for the purpose.
    private struct Other {
        let manifest: Manifest
        let root: Entry
        let load: ObjectLoader
        let isSnapshot: Bool
    }

    private func other(
        _ store: Store, _ reading: Reading, _ reader: ObjectReader, _ progress: Progress, _ output: Output
    ) throws -> Other {
        if let snapshot = try snapshotMeant(store) {
            let tree = try SnapshotTree(snapshot, reader: reader)
            return Other(manifest: tree.manifest, root: tree.root, load: tree.load, isSnapshot: true)
        }
        try new.checkIsDirectory()
        let sink = ComparisonSink(reading)
        var options = CaptureOptions(kind: .directory)
        options.storePath = store.layout.root
        let captured = try Capture(sink: sink, options: options, org: GlobalOptions.org, progress: progress)
            .run(directory: new.bytes)
        output.warn(captured.warnings)
        let load: ObjectLoader = { key in try sink.node(key) ?? reader.read(key) }
        return try StoreError.mapped {
            let manifest = try Manifest.decode(load(ObjectKey(.manifest, captured.manifest)))
            let root = try RootNode.decode(load(ObjectKey(.tree, manifest.root)))
            return Other(manifest: manifest, root: root, load: load, isSnapshot: false)
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
        let what = change.aspects.map(\.rawValue).joined(separator: ", ")
        let path = change.path.isEmpty ? "." : escaped(change.path)
        try output.item(
            "\(change.kind.sign) \(path)" + (what.isEmpty ? "" : "  (\(what))"),
            [
                ("change", .text(change.kind.rawValue)), ("path", .text(escaped(change.path))),
                ("kind", .text(change.entry.kindText)),
                ("aspects", .list(change.aspects.map { .text($0.rawValue) })),
            ])
    }
}

// MARK: What is not in the tree

extension Diff {
    private func show(_ change: ManifestChange, _ output: Output) throws {
        func words(_ value: [[UInt8]]?) -> String? { value?.map(escaped).joined(separator: " ") }
        var text = "\(change.kind.sign) config \(change.field.rawValue)"
        if let name = change.name { text += " " + escaped(name) }
        if let value = words(change.new ?? change.old) { text += (change.name == nil ? " " : "=") + value }
        if change.kind == .changed, let old = words(change.old) { text += "  (was \(old))" }
        try output.item(
            text,
            [
                ("change", .text(change.kind.rawValue)), ("path", .text("")), ("kind", .text("configuration")),
                ("aspects", .list([.text(change.field.rawValue)])),
                ("name", change.name.map { .text(escaped($0)) } ?? .null),
                ("old", words(change.old).map { .text($0) } ?? .null),
                ("new", words(change.new).map { .text($0) } ?? .null),
            ])
    }

    private func show(_ change: LinkChange, _ output: Output) throws {
        let paths = change.paths.map(escaped)
        try output.item(
            "\(change.kind.sign) hard links \(paths.joined(separator: " = "))",
            [
                ("change", .text(change.kind.rawValue)), ("path", .text(paths.first ?? "")),
                ("kind", .text("hard-links")), ("aspects", .list([.text("links")])),
                ("paths", .list(paths.map { .text($0) })),
            ])
    }
}

extension TreeChange.Kind {
    fileprivate var sign: String {
        switch self {
        case .added: "+"
        case .removed: "-"
        case .changed: "M"
        }
    }
}

extension Diff: TakesBytes {
    var byteArguments: [ByteArgument] { [new] }
}
