internal import Glibc
package import SnapCore
package import SnapDigest
internal import SnapIO
package import SnapModel

/// Writes a snapshot into a directory, and nothing outside it.
///
/// As root everything becomes as it was captured; as another user what is permitted, and the rest is named. Memory:
/// one tree node a level of depth, and the paths of hard links.
package struct Restore {
    private let source: ObjectSource
    private var load: SharedObjectLoader { source.load }
    private let options: RestoreOptions
    private let progress: Progress

    /// More zero segments than this, and more than data could separate, are no file that anybody wrote.
    private static let holesMax: UInt64 = 1 << 24

    /// Of tree nodes and chunk lists that are kept: what 80,000 entries take.
    private static let nodeBytesMax = 8 << 20

    /// - Parameter load: Reads objects, checked against their digests; several threads at once.
    package init(
        load: @escaping SharedObjectLoader, options: RestoreOptions = RestoreOptions(), progress: Progress = Progress()
    ) {
        self.init(ObjectSource(load: load), options, progress)
    }

    /// - Parameter reader: Of the organisation whose snapshot it is.
    package init(
        reader: ObjectReader, options: RestoreOptions = RestoreOptions(), progress: Progress = Progress()
    ) {
        self.init(ObjectSource(reader: reader), options, progress)
    }

    private init(_ source: ObjectSource, _ options: RestoreOptions, _ progress: Progress) {
        self.source = source.checking(progress).remembering(bytesMax: Self.nodeBytesMax)
        var options = options
        options.path = Array(options.path.split(separator: 47).joined(separator: [47]))
        self.options = options
        self.progress = progress
    }

    /// Restores the snapshot with this manifest.
    ///
    /// - Parameter path: A directory that does not exist, is empty, or holds an unfinished restore of the same.
    /// - Throws: `preconditionFailed` for a directory that holds something else, `outOfSpace` before anything is
    ///   written where that is known, `corrupt` for objects that are not what they were; what is written so far stays,
    ///   marked as unfinished.
    package func run(manifest digest: Digest, into path: String) throws(StoreError) -> RestoreResult {
        try StoreError.mapped {
            let manifest = try Manifest.decode(load(ObjectKey(.manifest, digest)))
            let root = try RootNode.decode(load(ObjectKey(.tree, manifest.root)))
            let entry = try subtree(of: root)
            let links = try RestoredLinks(manifest.links, below: options.path, load: load)
            let marker = try marker(of: digest, isPayload: false)
            return try restore(entry, links, marker, into: path)
        }
    }

    /// Restores the payload of a checkpoint: the engine's files, as they were given.
    package func runPayload(manifest digest: Digest, into path: String) throws(StoreError) -> RestoreResult {
        try StoreError.mapped {
            let manifest = try Manifest.decode(load(ObjectKey(.manifest, digest)))
            guard let checkpoint = manifest.checkpoint else {
                throw StoreError(.notFound, "The snapshot \(digest) holds no checkpoint.")
            }
            let metadata = Metadata(
                mode: 0o700, uid: Kernel.userID, gid: Kernel.groupID,
                modified: Timestamp(seconds: 0, nanoseconds: 0))
            let entry = Entry(name: [], metadata: metadata, node: .directory(checkpoint.payload))
            let links = try RestoredLinks(nil, below: [], load: load)
            let marker = try marker(of: digest, isPayload: true)
            return try restore(entry, links, marker, into: path)
        }
    }

    private func marker(of manifest: Digest, isPayload: Bool) throws -> RestoreMarker {
        RestoreMarker(manifest: manifest, isPayload: isPayload, options: options, bootID: try Kernel.bootID())
    }

    private func subtree(of root: Entry) throws -> Entry {
        guard let entry = try entry(at: options.path, below: root) else {
            throw StoreError(
                .notFound, "The snapshot has no \(escaped(options.path)).",
                hint: "See what it has with `snapstore ls`.")
        }
        return entry
    }

    private func entry(at path: [UInt8], below top: Entry) throws -> Entry? {
        var entry = top
        for name in path.split(separator: 47) {
            guard let digest = entry.directory,
                let child = try lookUp(name: Array(name), inTree: digest, load: load)
            else { return nil }
            entry = child
        }
        return entry
    }

    private func restore(_ entry: Entry, _ links: RestoredLinks, _ marker: RestoreMarker, into path: String) throws
        -> RestoreResult
    {
        progress.enter(.preparing)
        try refuseMarker(in: entry)
        let target = try RestoreTarget.open(
            path, marker: marker, overwrite: options.overwrite, isPrivate: entry.directory != nil)
        try checkRoom(for: entry, links, in: target, path)
        if !target.isMarked { try marker.write(in: target.root) }
        progress.enter(.writing)
        var writer = try TreeWriter(source: source, options: options, progress: progress, target: target, links: links)
        do {
            // Whatever stops it, nobody writes any more when it returns.
            defer { writer.files.stop() }
            let metadata = try writer.write(entry)
            // The marker goes only when all else is on the disk.
            if options.sync { try Kernel.syncFileSystem(of: target.root) }
            try writer.finishRoot(metadata)
            if options.sync { try Kernel.syncFileSystem(of: target.root) }
        } catch let error as IOError where error.isOutOfSpace {
            // Of the target: what the store cannot read comes as an error of the store.
            throw StoreError(.outOfSpace, error.description, hint: "The next run goes on where this one stopped.")
        }
        progress.enter(.done)
        return writer.finalResult
    }

    /// A tree with the marker's name at its top would look unfinished for ever.
    private func refuseMarker(in top: Entry) throws {
        let holdsMarker =
            try top.directory.map { try lookUp(name: RestoreMarker.name, inTree: $0, load: load) != nil }
            ?? (top.name == RestoreMarker.name)
        guard holdsMarker else { return }
        throw StoreError(
            .invalid, "The snapshot holds a file named \(escaped(RestoreMarker.name)), which marks restores.",
            hint: "Restore the directories below it with --path.")
    }

    /// Adds up what the tree takes, and refuses what cannot fit. What a directory holds already may make room, so that
    /// only the size of its file system counts then.
    private func checkRoom(for entry: Entry, _ links: RestoredLinks, in target: RestoreTarget, _ path: String) throws {
        var size = TreeSize(load: load)
        let sum = try size.of(entry)
        progress.setTotals(entries: sum.entries, bytes: sum.bytes)
        guard sum.holes <= max(Self.holesMax, sum.chunks.addingSaturated(sum.files)) else {
            throw StoreError(
                .invalid, "The snapshot has files with more holes than data: it is none that was captured.")
        }
        let system = try Kernel.fileSystem(of: target.root)
        let bytes = target.isNew ? system.availableBytes : system.totalBytes
        // Where files are not counted, each takes its name at least.
        let nodes = (target.isNew ? system.availableNodes : system.totalNodes) ?? system.totalBytes / 16
        // The top is there already, but the marker is not.
        let needed = sum.entries
        guard sum.bytes > bytes || needed > nodes else { return }
        // Names of one file share its room.
        let shared = try sharedRoom(links, below: entry, &size)
        guard sum.bytes == .max || sum.bytes.subtractingSaturated(shared.bytes) > bytes else {
            guard needed == .max || needed.subtractingSaturated(shared.entries) > nodes else { return }
            throw StoreError(
                .outOfSpace, "The snapshot has \(needed) files and directories; \(path) has room for \(nodes).",
                hint: "Restore a part with --path.")
        }
        throw StoreError(
            .outOfSpace, "The snapshot takes \(sum.bytes) bytes; \(path) has room for \(bytes).",
            hint: "Free space there, or restore a part with --path.")
    }

    /// What hard links save.
    private func sharedRoom(_ links: RestoredLinks, below top: Entry, _ size: inout TreeSize) throws
        -> TreeSize.Sum
    {
        var shared = TreeSize.Sum()
        for sample in links.samples {
            guard let entry = try self.entry(at: sample.path, below: top) else { continue }
            let sum = try size.of(entry)
            shared.entries = shared.entries.addingSaturated(sample.others)
            shared.bytes = shared.bytes.addingSaturated(sum.bytes.multipliedSaturated(by: sample.others))
        }
        return shared
    }
}
