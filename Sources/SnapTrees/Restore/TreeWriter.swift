internal import Glibc
internal import SnapCore
internal import SnapDigest
internal import SnapIO
internal import SnapModel

/// Writes the entries of a tree below an open directory. Iterative: the depth costs memory, not stack.
struct TreeWriter {
    private struct Frame {
        var cursor: TreeCursor
        let entry: Entry
        let path: [UInt8]
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
    private let options: RestoreOptions
    private let progress: Progress
    private let target: RestoreTarget
    private let placer: ContentPlacer
    private var links: RestoredLinks
    private var nodes: NodeWriter
    private var directories: TargetDirectories?
    private var stack: [Frame] = []
    private var result = RestoreResult()

    init(
        load: @escaping ObjectLoader, options: RestoreOptions, progress: Progress, target: RestoreTarget,
        links: RestoredLinks
    ) {
        self.load = load
        self.options = options
        self.progress = progress
        self.target = target
        self.links = links
        placer = ContentPlacer(load: load)
        nodes = NodeWriter(load: load, isUntrusted: options.isUntrusted)
    }

    /// The counts and warnings so far.
    var finalResult: RestoreResult {
        var final = result
        final.warnings = nodes.warnings
        return final
    }

    /// Writes everything but the marker's removal. Returns the metadata of the top directory; nil when a single file
    /// was restored into it.
    mutating func write(_ top: Entry) throws -> Metadata? {
        directories = try TargetDirectories(root: target.root)
        guard case .directory(let digest) = top.node else {
            var entry = top
            if entry.name.isEmpty { entry.name = Array("image".utf8) }
            try write(entry, path: entry.name, mayExist: !target.isNew)
            return nil
        }
        // What is created must not inherit access rules that the snapshot does not have.
        try? Kernel.removeAttribute(target.root, Array("system.posix_acl_default".utf8))
        try push(digest, top, path: [], in: target.root, mayHoldNames: !target.isNew)
        while !stack.isEmpty { try step() }
        try links.end()
        return top.metadata
    }

    private mutating func push(
        _ digest: Digest, _ entry: Entry, path: [UInt8], in directory: Descriptor, mayHoldNames: Bool
    ) throws {
        let existing = mayHoldNames ? try DirectoryNames(reading: directory) : nil
        stack.append(
            Frame(cursor: try TreeCursor(root: digest, load: load), entry: entry, path: path, existing: existing))
    }

    /// Writes the next entry of the deepest directory, or finishes that directory.
    private mutating func step() throws {
        let depth = stack.count - 1
        guard let entry = try stack[depth].cursor.next() else {
            try removeExisting(before: nil, depth)
            return try finishDirectory()
        }
        try removeExisting(before: entry.name, depth)
        let exists = isExisting(entry.name, depth)
        var path = stack[depth].path
        if !path.isEmpty { path.append(47) }
        path += entry.name
        guard path != RestoreMarker.name else {
            throw StoreError(
                .invalid, "The snapshot holds a file named \(escaped(RestoreMarker.name)), which marks restores.",
                hint: "Restore the directories below it with --path.")
        }
        try write(entry, path: path, mayExist: exists)
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
            let isMarker = stack[depth].path.isEmpty && old == RestoreMarker.name
            if options.overwrite, !isMarker {
                try TreeRemover.remove(old, in: directory)
            }
        }
    }

    private mutating func write(_ entry: Entry, path: [UInt8], mayExist: Bool) throws {
        guard let directory = directories?.current else { return }
        result.entryCount += 1
        progress.add(entries: 1)
        if case .file(let content) = entry.node {
            result.fileCount += 1
            result.bytes += content.length
        }
        if !stack.isEmpty { stack[stack.count - 1].skip(entry.name) }
        if let first = try links.meet(path, entry) {
            do {
                return try link(entry, path, to: first, in: directory, mayExist: mayExist)
            } catch let error as IOError where error.errno == ENOENT && !entry.isFile {
                // The first name was left out, as a device may be: this one will be, and is named too.
            }
        }
        switch entry.node {
        case .directory(let digest):
            try enter(entry, digest, path, in: directory, mayExist: mayExist)
        case .file(let content):
            try writeFile(entry, content, path, in: directory, mayExist: mayExist)
        default:
            if mayExist { try TreeRemover.remove(entry.name, in: directory) }
            try writeNode(entry, path, in: directory)
        }
    }
}

// MARK: Directories

extension TreeWriter {
    private mutating func enter(
        _ entry: Entry, _ digest: Digest, _ path: [UInt8], in directory: Descriptor, mayExist: Bool
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
        try push(digest, entry, path: path, in: child, mayHoldNames: isKept)
    }

    /// Attributes that the snapshot does not have, of a directory that was there before.
    private func removeForeignAttributes(_ directory: Descriptor, _ metadata: Metadata) throws {
        let wanted = Set(metadata.attributes.map(\.name))
        for name in try Kernel.attributeNames(directory) where !wanted.contains(name) {
            // What may not be removed belongs to the system, as the labels of SELinux do.
            try? Kernel.removeAttribute(directory, name)
        }
    }

    private mutating func finishDirectory() throws {
        let frame = stack.removeLast()
        guard !stack.isEmpty, let directory = directories?.current else { return }
        try nodes.finish(directory, frame.entry.metadata, path: frame.path)
        try directories?.leave()
    }

    /// Gives the top directory its metadata and takes the marker away, in the order that leaves no doubt: while it is
    /// there, the restore is not finished.
    mutating func finishRoot(_ metadata: Metadata?) throws {
        guard let metadata else { return try RestoreMarker.remove(in: target.root) }
        try removeForeignAttributes(target.root, metadata)
        // A user who is not root can only remove it while the directory may be written to.
        guard Kernel.isRoot || metadata.mode & 0o300 == 0o300 else {
            try RestoreMarker.remove(in: target.root)
            return try nodes.finish(target.root, metadata, path: [])
        }
        try nodes.finish(target.root, metadata, path: [])
        try RestoreMarker.remove(in: target.root)
        try Kernel.changeTimes(
            target.root, seconds: metadata.modified.seconds, nanoseconds: metadata.modified.nanoseconds)
    }
}

// MARK: Files

extension TreeWriter {
    private mutating func writeFile(
        _ entry: Entry, _ content: Content, _ path: [UInt8], in directory: Descriptor, mayExist: Bool
    ) throws {
        if mayExist {
            if try isComplete(entry, content, in: directory) {
                result.keptFiles += 1
                progress.add(bytes: content.length)
                return
            }
            try TreeRemover.remove(entry.name, in: directory)
        }
        let file = try Kernel.openBeneath(
            directory, entry.name, [options.verify ? .readWrite : .writeOnly, .create, .exclusive, .noFollow],
            mode: 0o600)
        try placer.write(content, to: file) { progress.add(bytes: $0) }
        if options.verify, try !placer.isEqual(content, to: file) {
            throw StoreError(
                .corrupt, "\(escaped(path)) reads back other than it was written.",
                hint: "Check the disk and memory of the machine, then run the restore again.")
        }
        try nodes.finish(file, entry.metadata, path: path)
        try file.close()
    }

    /// Whether a file that is there is what the snapshot has. After an interrupted restore its metadata tells: the time
    /// is set last. To overwrite, its bytes and attributes are compared.
    private func isComplete(_ entry: Entry, _ content: Content, in directory: Descriptor) throws -> Bool {
        let status = try Kernel.status(in: directory, entry.name)
        let metadata = entry.metadata
        guard status.type == .regular, status.size == content.length, status.mode == metadata.mode,
            status.modifiedSeconds == metadata.modified.seconds,
            status.modifiedNanoseconds == metadata.modified.nanoseconds,
            !Kernel.isRoot || options.isUntrusted || (status.uid == metadata.uid && status.gid == metadata.gid)
        else { return false }
        guard options.overwrite else { return true }
        guard status.links == 1 else { return false }
        let file = try Kernel.openBeneath(directory, entry.name, [.readOnly, .noFollow, .nonBlocking])
        return try hasAttributes(file, metadata) && placer.isEqual(content, to: file)
    }

    private func hasAttributes(_ file: Descriptor, _ metadata: Metadata) throws -> Bool {
        let names = try Kernel.attributeNames(file)
        guard Set(names) == Set(metadata.attributes.map(\.name)) else { return false }
        for attribute in metadata.attributes {
            guard case .inline(let value) = attribute.value,
                try PosixACL.canonical(Kernel.attribute(file, attribute.name)) == value
            else { return false }
        }
        return true
    }

    private func link(
        _ entry: Entry, _ path: [UInt8], to first: [UInt8], in directory: Descriptor, mayExist: Bool
    ) throws {
        let names = first.split(separator: 47).map { Array($0) }
        guard let name = names.last else { return }
        let parent = try Kernel.openDirectory(names.dropLast(), below: target.root)
        if mayExist {
            let old = try Kernel.status(in: directory, entry.name)
            let wanted = try Kernel.status(in: parent, name)
            if old.inode == wanted.inode, old.device == wanted.device { return }
            try TreeRemover.remove(entry.name, in: directory)
        }
        try Kernel.link(from: parent, name, to: directory, entry.name)
    }

    private mutating func writeNode(_ entry: Entry, _ path: [UInt8], in directory: Descriptor) throws {
        switch entry.node {
        case .symbolicLink(let target):
            do throws(IOError) {
                try Kernel.makeSymbolicLink(in: directory, entry.name, target: target)
            } catch {
                // XFS holds targets of up to 1,023 bytes.
                guard error.errno == ENAMETOOLONG, entry.name.count <= Limits.nameBytesMax else { throw error }
                return nodes.warn(
                    .unsupported, path, "the file system cannot hold a target of \(target.count) bytes; left out.")
            }
        case .characterDevice(let major, let minor):
            guard try makeDevice(entry, .characterDevice, major, minor, path, in: directory) else { return }
        case .blockDevice(let major, let minor):
            guard try makeDevice(entry, .blockDevice, major, minor, path, in: directory) else { return }
        case .fifo: try Kernel.makeNode(in: directory, entry.name, .fifo)
        case .socket: try Kernel.makeNode(in: directory, entry.name, .socket)
        case .file, .directory: return
        }
        var isLink = false
        if case .symbolicLink = entry.node { isLink = true }
        try nodes.finish(in: directory, entry.name, entry.metadata, path: path, isLink: isLink)
    }

    /// Says whether the device could be made.
    private mutating func makeDevice(
        _ entry: Entry, _ type: FileType, _ major: UInt32, _ minor: UInt32, _ path: [UInt8],
        in directory: Descriptor
    ) throws -> Bool {
        if options.isUntrusted {
            nodes.warn(.untrusted, path, "the device \(major):\(minor) is left out.")
            return false
        }
        do throws(IOError) {
            try Kernel.makeNode(in: directory, entry.name, type, major: major, minor: minor)
            return true
        } catch {
            // XFS refuses numbers over 511 and 262,143.
            guard error.isPermission || error.errno == EINVAL else { throw error }
            let reason = error.isPermission ? "only root may" : "the file system cannot hold its number"
            nodes.warn(.device, path, "the device \(major):\(minor) could not be made: \(reason).")
            return false
        }
    }
}

extension Entry {
    fileprivate var isFile: Bool {
        if case .file = node { true } else { false }
    }
}
