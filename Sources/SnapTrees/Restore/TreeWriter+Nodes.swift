internal import Glibc
internal import SnapCore
internal import SnapIO
internal import SnapModel

// What is no directory: files, second names of files, links and special nodes.

extension TreeWriter {
    /// - Parameter mayWait: Another name is not about to be linked to it, so that a thread may write it later.
    mutating func writeFile(
        _ entry: Entry, _ content: Content, in directory: Descriptor, mayExist: Bool, mayWait: Bool
    ) throws {
        let job = FileWriter.Job(
            entry: entry, content: content, directory: directory, path: path, mayExist: mayExist, isAlone: isAlone)
        if mayWait, let open = openDirectory {
            try files.submit(job, in: open, order: result.entryCount)
        } else {
            try files.write(job, order: result.entryCount)
        }
    }

    /// Gives the node at `first` the name of `entry` too. Says whether it could: otherwise the name gets a copy.
    mutating func link(_ entry: Entry, to first: [UInt8], in directory: Descriptor, mayExist: Bool) throws -> Bool {
        let names = first.split(separator: 47).map { Array($0) }
        guard let name = names.last else { return false }
        do {
            let parent = try Kernel.openDirectory(names.dropLast(), below: target.root)
            let wanted = try Kernel.status(in: parent, name)
            if mayExist {
                let old = try Kernel.status(in: directory, entry.name)
                if old.inode == wanted.inode, old.device == wanted.device { return true }
                try TreeRemover.remove(entry.name, in: directory)
            }
            try Kernel.link(from: parent, name, to: directory, entry.name)
            return true
        } catch let error as IOError {
            // The first name was left out, as a device may be: this one will be, and is named too.
            if error.errno == ENOENT, !entry.isFile { return false }
            // Its directory may be closed by now to a user who is not root; file systems limit the names of a file.
            guard error.isPermission || [EMLINK, EXDEV, ENOTSUP].contains(error.errno) else { throw error }
            nodes.warn(.link, path, "could not be linked to \(escaped(Array(first.prefix(4096)))); it is a copy.")
            return false
        }
    }

    mutating func writeNode(_ entry: Entry, in directory: Descriptor, mayExist: Bool) throws {
        if mayExist { try TreeRemover.remove(entry.name, in: directory) }
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
            guard try makeDevice(entry, .characterDevice, major, minor, in: directory) else { return }
        case .blockDevice(let major, let minor):
            guard try makeDevice(entry, .blockDevice, major, minor, in: directory) else { return }
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
        _ entry: Entry, _ type: FileType, _ major: UInt32, _ minor: UInt32, in directory: Descriptor
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

extension Kernel {
    /// Whether a directory has the name.
    static func exists(_ name: [UInt8], in directory: Descriptor) throws(IOError) -> Bool {
        do {
            _ = try status(in: directory, name)
            return true
        } catch {
            guard error.isNotFound else { throw error }
            return false
        }
    }
}

extension Entry {
    fileprivate var isFile: Bool {
        if case .file = node { true } else { false }
    }
}
