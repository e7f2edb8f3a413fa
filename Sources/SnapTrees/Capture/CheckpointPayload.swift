import SnapCore
import SnapDigest
import SnapIO
import SnapModel

/// Captures what a checkpoint carries besides its tree: a directory of opaque regular files.
///
/// Only names and bytes count: mode, owner and times are the same for every payload, and there are no attributes.
struct CheckpointPayload {
    private let options: CheckpointOptions
    private let entries: EntryReader

    init(_ options: CheckpointOptions, entries: EntryReader) {
        self.options = options
        self.entries = entries
    }

    /// The digest of the payload's top tree node.
    /// - Throws: `invalid` for anything that is no regular file, and for a name in `pages` that is not there.
    func capture(_ report: inout WalkReport) throws -> Digest {
        let source = try FileSystemSource(root: try Kernel.open(options.directory, [.readOnly, .directory]))
        var builder = entries.treeBuilder()
        var missing = options.pages
        var names = try source.names()
        while let name = names.next() {
            let cut: Cut = missing.remove(name) == nil ? .contentDefined : .pages
            try builder.append(try entry(name, cut, source, &report))
        }
        if let name = missing.min(by: { $0.precedes($1) }) {
            throw StoreError(
                .invalid, "The checkpoint directory \(options.directory) has no file \(escaped(name)).",
                hint: "Name files of that directory with --pages.")
        }
        return try builder.finish()
    }

    private func entry(
        _ name: [UInt8], _ cut: Cut, _ source: FileSystemSource, _ report: inout WalkReport
    ) throws -> Entry {
        let read = try entries.readStable(name, cut, source) {
            report.warn(.changed, name, "in the checkpoint directory changed each time it was read.")
        }
        report.counts.entries += 1
        report.counts.files += 1
        report.counts.logicalBytes &+= read.content.length
        report.counts.chunks &+= read.chunks
        report.counts.readBytes += read.bytes
        return Entry(
            name: name,
            metadata: Metadata(mode: 0o600, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0)),
            node: .file(read.content))
    }
}

extension CheckpointOptions {
    /// What the manifest says of the checkpoint.
    func described(payload: Digest) -> Manifest.Checkpoint {
        var checkpoint = Manifest.Checkpoint(payload: payload)
        checkpoint.base = base
        checkpoint.cpu = cpu
        checkpoint.engine = engine
        checkpoint.kernel = kernel
        checkpoint.version = version
        return checkpoint
    }
}

extension EntryReader {
    /// Reads a regular file until it did not change meanwhile, or a few times; then `onChange` is called and the last
    /// reading counts.
    func readStable(
        _ name: [UInt8], _ cut: Cut, _ source: FileSystemSource, onChange: () -> Void
    ) throws -> ContentReader.Read {
        var attempt = 1
        while true {
            let status = try source.status(of: name)
            guard status.kind == .file else {
                throw StoreError(
                    .invalid, "\(escaped(name)) is no regular file.",
                    hint: "A checkpoint's files must be regular ones, without directories among them.")
            }
            let read =
                status.size == 0
                ? ContentReader.Read(content: .empty, chunks: 0, bytes: 0, hasAttributes: false)
                : try readContent(name, status, from: source, cut)
            if try source.status(of: name).isSameVersion(as: status) { return read }
            if attempt > CaptureLimits.retries {
                onChange()
                return read
            }
            attempt += 1
        }
    }
}
