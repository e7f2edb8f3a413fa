internal import Glibc
internal import SnapIO
internal import SnapModel

/// Gives nodes their owner, attributes, mode and times, in the order in which none undoes another: a change of owner
/// clears set-user-id and capabilities, an attribute may change the mode, everything changes times.
struct NodeWriter {
    let load: ObjectLoader
    let isUntrusted: Bool
    private let isRoot = Kernel.isRoot
    private let userID = Kernel.userID
    private let groupID = Kernel.groupID
    private(set) var warnings = WarningList()

    init(load: @escaping ObjectLoader, isUntrusted: Bool) {
        self.load = load
        self.isUntrusted = isUntrusted
    }

    mutating func warn(_ code: Warning.Code, _ path: [UInt8], _ message: String) {
        warnings.append(Warning(code, path: path, message: "\(escaped(path)): \(message)"))
    }

    /// Finishes an open file or directory.
    mutating func finish(_ file: Descriptor, _ metadata: Metadata, path: [UInt8]) throws {
        let hasOwner = try setOwner(metadata, path) { uid, gid throws(IOError) in
            try Kernel.changeOwner(file, uid: uid, gid: gid)
        }
        try setAttributes(metadata, path) { name, value throws(IOError) in
            try Kernel.setAttribute(file, name, value)
        }
        try Kernel.changeMode(file, mode(metadata, path, hasOwner: hasOwner))
        try Kernel.changeTimes(
            file, seconds: metadata.modified.seconds, nanoseconds: metadata.modified.nanoseconds)
        checkTime(try Kernel.status(of: file), metadata, path)
    }

    /// Finishes a node that cannot be opened.
    mutating func finish(
        in directory: Descriptor, _ name: [UInt8], _ metadata: Metadata, path: [UInt8], isLink: Bool
    ) throws {
        let hasOwner = try setOwner(metadata, path) { uid, gid throws(IOError) in
            try Kernel.changeOwner(in: directory, name, uid: uid, gid: gid)
        }
        try setAttributes(metadata, path) { attribute, value throws(IOError) in
            try Kernel.setAttribute(in: directory, name, attribute, value)
        }
        if !isLink { try Kernel.changeMode(in: directory, name, mode(metadata, path, hasOwner: hasOwner)) }
        try Kernel.changeTimes(
            in: directory, name, seconds: metadata.modified.seconds, nanoseconds: metadata.modified.nanoseconds)
        checkTime(try Kernel.status(in: directory, name), metadata, path)
    }

    /// File systems turn a time that they cannot hold into the nearest one without a word: ext4 what is after 2446.
    private mutating func checkTime(_ status: FileStatus, _ metadata: Metadata, _ path: [UInt8]) {
        let time = metadata.modified
        let isKept =
            status.modifiedSeconds == time.seconds && status.modifiedNanoseconds == time.nanoseconds
        guard !isKept else { return }
        warn(
            .unsupported, path,
            "the file system cannot hold its time, \(time.seconds) s and \(time.nanoseconds) ns from 1970.")
    }

    /// Says whether the node has the owner it was captured with.
    private mutating func setOwner(
        _ metadata: Metadata, _ path: [UInt8], _ change: (UInt32, UInt32) throws(IOError) -> Void
    ) throws -> Bool {
        let isForeign = metadata.uid != userID || metadata.gid != groupID
        if isUntrusted {
            if isForeign { warn(.untrusted, path, "belongs to \(metadata.uid):\(metadata.gid) in the snapshot.") }
            return !isForeign
        }
        // Root sets it always: a directory with the set-group-id bit hands its group down.
        guard isRoot || isForeign else { return true }
        do throws(IOError) {
            try change(metadata.uid, metadata.gid)
            return true
        } catch {
            guard error.isPermission || error.errno == EINVAL else { throw error }
            warn(.owner, path, "could not be given to \(metadata.uid):\(metadata.gid).")
            return false
        }
    }

    private mutating func setAttributes(
        _ metadata: Metadata, _ path: [UInt8], _ set: ([UInt8], [UInt8]) throws(IOError) -> Void
    ) throws {
        for attribute in metadata.attributes {
            if isUntrusted, attribute.name.starts(with: Array("security.".utf8)) {
                warn(.untrusted, path, "loses the attribute \(escaped(attribute.name)).")
                continue
            }
            let value: [UInt8]
            switch attribute.value {
            case .inline(let bytes): value = bytes
            case .chunk(let digest, _): value = try load(ObjectKey(.chunk, digest))
            }
            do throws(IOError) {
                try set(attribute.name, value)
            } catch {
                let isRefused =
                    error.isPermission || [ENOTSUP, EINVAL, ERANGE, E2BIG, ENOSPC].contains(error.errno)
                guard isRefused else { throw error }
                // A node's attributes have a room of their own on ext4: the disk need not be full.
                let reason = error.errno == ENOSPC ? "the file system has no room for it." : error.description
                warn(.attribute, path, "the attribute \(escaped(attribute.name)) could not be set: \(reason)")
            }
        }
    }

    /// Set-user-id and set-group-id only with the owner they were meant for.
    private mutating func mode(_ metadata: Metadata, _ path: [UInt8], hasOwner: Bool) -> UInt16 {
        let special: UInt16 = 0o6000
        guard metadata.mode & special != 0 else { return metadata.mode }
        if isUntrusted {
            warn(.untrusted, path, "loses its set-user-id or set-group-id bit.")
            return metadata.mode & ~special
        }
        guard hasOwner else {
            warn(.owner, path, "loses its set-user-id or set-group-id bit with its owner.")
            return metadata.mode & ~special
        }
        return metadata.mode
    }
}
