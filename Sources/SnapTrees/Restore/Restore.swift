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
    private let load: ObjectLoader
    private let options: RestoreOptions
    private let progress: Progress

    /// - Parameter load: Reads objects, checked against their digests.
    package init(
        load: @escaping ObjectLoader, options: RestoreOptions = RestoreOptions(), progress: Progress = Progress()
    ) {
        self.load = load
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
            let marker = RestoreMarker(manifest: digest, options: options)
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
            return try restore(entry, links, RestoreMarker(manifest: digest, options: options), into: path)
        }
    }

    private func subtree(of root: Entry) throws -> Entry {
        var entry = root
        for name in options.path.split(separator: 47) {
            guard case .directory(let digest) = entry.node,
                let child = try lookUp(name: Array(name), inTree: digest, load: load)
            else {
                throw StoreError(
                    .notFound, "The snapshot has no \(escaped(options.path)).",
                    hint: "See what it has with `snapstore ls`.")
            }
            entry = child
        }
        return entry
    }

    private func restore(_ entry: Entry, _ links: RestoredLinks, _ marker: RestoreMarker, into path: String) throws
        -> RestoreResult
    {
        progress.enter(.preparing)
        let target = try RestoreTarget.open(path, marker: marker, overwrite: options.overwrite)
        var size = TreeSize(load: load)
        let sum = try size.of(entry)
        progress.setTotals(entries: sum.entries, bytes: sum.bytes)
        if target.isNew { try checkRoom(for: sum, in: target.root, path) }
        if !target.isMarked { try marker.write(in: target.root) }
        progress.enter(.writing)
        var writer = TreeWriter(
            load: load, options: options, progress: progress, target: target, links: links)
        let metadata = try writer.write(entry)
        try writer.finishRoot(metadata)
        if options.sync { try Kernel.syncFileSystem(of: target.root) }
        progress.enter(.done)
        return writer.finalResult
    }

    private func checkRoom(for sum: TreeSize.Sum, in root: Descriptor, _ path: String) throws {
        let available = try Kernel.fileSystem(of: root).availableBytes
        guard sum.bytes <= available else {
            throw StoreError(
                .outOfSpace, "The snapshot takes \(sum.bytes) bytes; \(path) has room for \(available).",
                hint: "Free space there, or restore a part with --path.")
        }
    }
}

/// The directory that a restore writes into.
struct RestoreTarget {
    let root: Descriptor
    /// Nothing was in it.
    let isNew: Bool
    /// It has our marker already: an earlier run of the same restore did not finish.
    let isMarked: Bool

    /// Opens the directory, making it if need be.
    static func open(_ path: String, marker: RestoreMarker, overwrite: Bool) throws -> RestoreTarget {
        if !Kernel.exists(path) {
            try Kernel.makeParentDirectories(of: path + "/x")
        }
        let root = try Kernel.open(path, [.readOnly, .directory])
        let names = try DirectoryNames(reading: root)
        if names.isEmpty { return RestoreTarget(root: root, isNew: true, isMarked: false) }
        if let found = try RestoreMarker.read(in: root) {
            if found == marker.text { return RestoreTarget(root: root, isNew: false, isMarked: true) }
            guard overwrite else {
                throw StoreError(
                    .preconditionFailed, "\(path) holds an unfinished restore of something else.",
                    hint: "Choose another directory, or give --overwrite to replace what is there.")
            }
            try RestoreMarker.remove(in: root)
        }
        guard overwrite else {
            throw StoreError(
                .preconditionFailed, "\(path) is not empty.",
                hint: "Choose another directory, or give --overwrite to make it equal to the snapshot.")
        }
        return RestoreTarget(root: root, isNew: false, isMarked: false)
    }
}
