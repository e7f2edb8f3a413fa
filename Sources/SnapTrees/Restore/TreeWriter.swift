internal import Glibc
internal import SnapCore
internal import SnapDigest
internal import SnapIO
internal import SnapModel

/// Writes the entries of a tree below an open directory. Iterative: the depth costs memory, not stack.
struct TreeWriter {
    private struct Frame {
        var cursor: TreeCursor
        let directory: OpenDirectory
        /// How much of the path leads here.
        let pathCount: Int
        /// What the directory held before, sorted, of which the first ones are dealt with.
        var existing: DirectoryNames?
        var nextExisting = 0

        /// Passes over `name`, which is about to be written.
        mutating func skip(_ name: [UInt8]) {
            guard let existing, nextExisting < existing.count, existing[nextExisting] == name else { return }
            nextExisting += 1
        }
    }

    private let load: ObjectLoader
    let options: RestoreOptions
    let progress: Progress
    let target: RestoreTarget
    let files: FileQueue
    private var links: RestoredLinks
    var nodes: NodeWriter
    private var directories: TargetDirectories?
    private var stack: [Frame] = []
    /// Of what is being written, from the top: one for all levels, because it may be megabytes long.
    private(set) var path: [UInt8] = []
    var result = RestoreResult()

    init(
        source: ObjectSource, options: RestoreOptions, progress: Progress, target: RestoreTarget,
        links: RestoredLinks
    ) throws {
        load = source.load
        self.options = options
        self.progress = progress
        self.target = target
        self.links = links
        nodes = NodeWriter(load: source.load, isUntrusted: options.isUntrusted)
        let writer = FileWriter(
            options: options, placer: ContentPlacer(source), progress: progress, trustsTimes: target.trustsTimes,
            nodes: nodes)
        files = try FileQueue(jobs: options.jobs) { writer }
    }

    /// Whether one entry is restored into a directory that is none of the snapshot's.
    var isAlone: Bool { stack.isEmpty }

    /// The deepest directory of the snapshot that the walk is in.
    var openDirectory: OpenDirectory? { stack.last?.directory }

    /// The counts and warnings so far.
    var finalResult: RestoreResult {
        var final = result
        files.note(nodes.warnings, order: .max)
        final.keptFiles = files.keptFiles
        final.warnings = files.warnings
        return final
    }

    /// Hands on what the walk itself had to say of an entry.
    private mutating func collectWarnings() {
        guard !nodes.warnings.isEmpty else { return }
        files.note(nodes.takeWarnings(), order: result.entryCount)
    }

    /// Writes everything but the marker's removal. Returns the metadata of the top directory; nil when a single file
    /// was restored into it.
    mutating func write(_ top: Entry) throws -> Metadata? {
        directories = try TargetDirectories(root: target.root)
        guard case .directory(let digest) = top.node else {
            try writeAlone(top)
            return nil
        }
        // What is created must not inherit access rules that the snapshot does not have.
        try? Kernel.removeAttribute(target.root, Self.defaultACL)
        try push(digest, top, in: target.root, mayHoldNames: !target.isNew)
        while !stack.isEmpty {
            try step()
            collectWarnings()
        }
        try files.wait()
        try links.end()
        return top.metadata
    }

    private static let defaultACL = Array("system.posix_acl_default".utf8)

    /// Writes the one entry that is restored into a directory which is none of the snapshot's.
    private mutating func writeAlone(_ top: Entry) throws {
        var entry = top
        if entry.name.isEmpty { entry.name = Array("image".utf8) }
        path = entry.name
        try write(entry, mayExist: try Kernel.exists(entry.name, in: target.root))
    }

    private mutating func push(
        _ digest: Digest, _ entry: Entry, in directory: Descriptor, mayHoldNames: Bool
    ) throws {
        let existing = mayHoldNames ? try DirectoryNames(reading: directory) : nil
        stack.append(
            Frame(
                cursor: try TreeCursor(root: digest, load: load),
                directory: OpenDirectory(entry.metadata), pathCount: path.count,
                existing: existing))
    }

    /// Writes the next entry of the deepest directory, or finishes that directory.
    private mutating func step() throws {
        try progress.check()
        let depth = stack.count - 1
        guard let entry = try stack[depth].cursor.next() else {
            try removeExisting(before: nil, depth)
            return try finishDirectory()
        }
        try removeExisting(before: entry.name, depth)
        let exists = isExisting(entry.name, depth)
        path.removeSubrange(stack[depth].pathCount...)
        if !path.isEmpty { path.append(47) }
        path += entry.name
        try write(entry, mayExist: exists)
    }

    private func isExisting(_ name: [UInt8], _ depth: Int) -> Bool {
        let frame = stack[depth]
        guard let existing = frame.existing, frame.nextExisting < existing.count else { return false }
        return existing[frame.nextExisting] == name
    }

    /// Removes names of the directory that come before `name` and are not in the snapshot; only when asked to.
    private mutating func removeExisting(before name: [UInt8]?, _ depth: Int) throws {
        guard let existing = stack[depth].existing, let directory = directories?.current else { return }
        while stack[depth].nextExisting < existing.count {
            let old = existing[stack[depth].nextExisting]
            if let name, !old.lexicographicallyPrecedes(name) { return }
            stack[depth].nextExisting += 1
            let isMarker = depth == 0 && old == RestoreMarker.name
            if options.overwrite, !isMarker {
                try TreeRemover.remove(old, in: directory)
            }
        }
    }

    /// Writes the entry that ``path`` leads to.
    private mutating func write(_ entry: Entry, mayExist: Bool) throws {
        guard let directory = directories?.current else { return }
        result.entryCount += 1
        progress.add(entries: 1)
        if case .file(let content) = entry.node {
            result.fileCount += 1
            result.bytes = result.bytes.addingSaturated(content.length)
        }
        if !stack.isEmpty { stack[stack.count - 1].skip(entry.name) }
        try FileQueue.naming(path) {
            var mayExist = mayExist
            let isLinked = links.hasGroup(path)
            if let first = try links.meet(path, entry) {
                if try link(entry, to: first, in: directory, mayExist: mayExist) { return }
                links.start(anewWith: path)
                mayExist = try mayExist && Kernel.exists(entry.name, in: directory)
            }
            switch entry.node {
            case .directory(let digest): try enter(entry, digest, in: directory, mayExist: mayExist)
            case .file(let content):
                try writeFile(entry, content, in: directory, mayExist: mayExist, mayWait: !isLinked)
            default: try writeNode(entry, in: directory, mayExist: mayExist)
            }
        }
    }
}

// MARK: Directories

extension TreeWriter {
    private mutating func enter(
        _ entry: Entry, _ digest: Digest, in directory: Descriptor, mayExist: Bool
    ) throws {
        var isKept = false
        if mayExist {
            isKept = try Kernel.status(in: directory, entry.name).type == .directory
            if isKept {
                // A finished one may not let its owner in.
                if !Kernel.isRoot { try Kernel.changeMode(in: directory, entry.name, 0o700) }
            } else {
                try TreeRemover.remove(entry.name, in: directory)
            }
        }
        if !isKept { try Kernel.makeDirectory(in: directory, entry.name, mode: 0o700) }
        let child = try Kernel.openBeneath(directory, entry.name, [.readOnly, .directory, .noFollow])
        if isKept { try removeForeignAttributes(child, entry.metadata) }
        try directories?.enter(child)
        try push(digest, entry, in: child, mayHoldNames: isKept)
    }

    /// Attributes that the snapshot does not have, of a directory that was there before, and rules for what is made in
    /// it, which come back when it is finished.
    private func removeForeignAttributes(_ directory: Descriptor, _ metadata: Metadata) throws {
        let wanted = Set(nodes.wantedAttributes(metadata).map(\.name))
        for name in try Kernel.attributeNames(directory) where !wanted.contains(name) || name == Self.defaultACL {
            // What may not be removed belongs to the system, as the labels of SELinux do.
            try? Kernel.removeAttribute(directory, name)
        }
    }

    private mutating func finishDirectory() throws {
        let frame = stack.removeLast()
        guard !stack.isEmpty, let directory = directories?.current else { return }
        path.removeSubrange(frame.pathCount...)
        // Before it is finished: its mode may not even let its owner go up from it.
        try directories?.leave()
        try files.leave(
            frame.directory, OpenDirectory.Place(descriptor: directory, path: path, order: result.entryCount))
    }

    /// Gives the top directory its metadata and takes the marker away, in the order that leaves no doubt: while it is
    /// there, the restore is not finished. Taking it away changes the time of the directory, which is all that is set
    /// after it: who is killed in between leaves a whole restore whose top directory has the time of that moment.
    mutating func finishRoot(_ metadata: Metadata?) throws {
        guard let metadata else { return try RestoreMarker.remove(in: target.root) }
        try removeForeignAttributes(target.root, metadata)
        // A user who is not root can only remove it, or go on, while the directory may be read and written.
        guard Kernel.isRoot || metadata.mode & 0o700 == 0o700 else {
            try RestoreMarker.remove(in: target.root)
            return try nodes.finish(target.root, metadata, path: [])
        }
        try nodes.finish(target.root, metadata, path: [])
        try RestoreMarker.remove(in: target.root)
        try Kernel.changeTimes(
            target.root, seconds: metadata.modified.seconds, nanoseconds: metadata.modified.nanoseconds)
    }
}
