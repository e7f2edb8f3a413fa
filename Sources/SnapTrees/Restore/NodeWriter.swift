internal import Glibc
internal import SnapIO
internal import SnapModel

/// Gives nodes their owner, attributes, mode and times, in the order in which none undoes another: a change of owner
/// clears set-user-id and capabilities, an attribute may change the mode, everything changes times.
struct NodeWriter: Sendable {
    let load: SharedObjectLoader
    let isUntrusted: Bool
    private let isRoot = Kernel.isRoot
    private let userID = Kernel.userID
    private let groupID = Kernel.groupID
    private(set) var warnings = WarningList()

    /// Bytes of a path that a warning keeps whole: hostile trees have paths of megabytes, and a thousand warnings.
    private static let warnedPathBytesMax = 8192

    init(load: @escaping SharedObjectLoader, isUntrusted: Bool) {
        self.load = load
        self.isUntrusted = isUntrusted
    }

    /// The warnings since the last call.
    mutating func takeWarnings() -> WarningList {
        defer { warnings = WarningList() }
        return warnings
    }

    mutating func warn(_ code: Warning.Code, _ path: [UInt8], _ message: String) {
        warnings.append(Self.warning(code, path, message))
    }

    private static func warning(_ code: Warning.Code, _ path: [UInt8], _ message: String) -> Warning {
        var path = path
        if path.count > warnedPathBytesMax {
            let half = warnedPathBytesMax / 2
            path = path.prefix(half) + Array(" ... ".utf8) + path.suffix(half)
        }
        return Warning(code, path: path, message: "\(escaped(path)): \(message)")
    }

    /// Finishes an open file or directory.
    ///
    /// - Parameter first: The mode that it was made with.
    mutating func finish(_ file: Descriptor, _ metadata: Metadata, path: [UInt8], madeWith first: UInt32? = nil) throws
    {
        // What is made belongs to who makes it. Mostly the status confirms that, and the mode.
        if isOurs(metadata) {
            if first != UInt32(metadata.mode) { try Kernel.changeMode(file, metadata.mode) }
            let status = try setTimes(file, metadata)
            if hasOwner(status, metadata), status.mode == metadata.mode { return checkTime(status, metadata, path) }
        }
        let hasOwner = try setOwner(metadata, path) { uid, gid throws(IOError) in
            try Kernel.changeOwner(file, uid: uid, gid: gid)
        }
        try setAttributes(metadata, path) { name, value throws(IOError) in
            try Kernel.setAttribute(file, name, value)
        }
        warnOfMode(metadata, path, hasOwner: hasOwner)
        try Kernel.changeMode(file, mode(metadata, hasOwner: hasOwner))
        checkTime(try setTimes(file, metadata), metadata, path)
    }

    private func setTimes(_ file: Descriptor, _ metadata: Metadata) throws -> FileStatus {
        try Kernel.changeTimes(
            file, seconds: metadata.modified.seconds, nanoseconds: metadata.modified.nanoseconds)
        return try Kernel.status(of: file)
    }

    /// Whether it is to have no attributes, and the owner that everything has which is made here.
    private func isOurs(_ metadata: Metadata) -> Bool {
        let isPlain = metadata.attributes.isEmpty && metadata.mode & 0o6000 == 0
        return !isUntrusted && isPlain && metadata.uid == userID && metadata.gid == groupID
    }

    /// The mode to make a file with: its own, unless others could write to it before it is finished.
    func firstMode(_ metadata: Metadata) -> UInt32 {
        isOurs(metadata) && metadata.mode & 0o022 == 0 ? UInt32(metadata.mode & 0o777) : 0o600
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
        if !isLink {
            warnOfMode(metadata, path, hasOwner: hasOwner)
            try Kernel.changeMode(in: directory, name, mode(metadata, hasOwner: hasOwner))
        }
        try Kernel.changeTimes(
            in: directory, name, seconds: metadata.modified.seconds, nanoseconds: metadata.modified.nanoseconds)
        checkTime(try Kernel.status(in: directory, name), metadata, path)
    }

    /// File systems turn a time that they cannot hold into the nearest one without a word: ext4 what is after 2446.
    private mutating func checkTime(_ status: FileStatus, _ metadata: Metadata, _ path: [UInt8]) {
        let time = metadata.modified
        guard !Self.hasTime(status, time) else { return }
        warn(
            .unsupported, path,
            "the file system cannot hold its time, \(time.seconds) s and \(time.nanoseconds) ns from 1970.")
    }

    private static func hasTime(_ status: FileStatus, _ time: Timestamp) -> Bool {
        status.modifiedSeconds == time.seconds && status.modifiedNanoseconds == time.nanoseconds
    }

    private static func isSecurity(_ attribute: ExtendedAttribute) -> Bool {
        attribute.name.starts(with: Array("security.".utf8))
    }

    /// The attributes that a node is to have.
    func wantedAttributes(_ metadata: Metadata) -> [ExtendedAttribute] {
        isUntrusted ? metadata.attributes.filter { !Self.isSecurity($0) } : metadata.attributes
    }

    /// - Throws: ``FormatError`` when the chunk has another length than the entry says.
    func value(of attribute: ExtendedAttribute) throws -> [UInt8] {
        switch attribute.value {
        case .inline(let bytes): return bytes
        case .chunk(let digest, let size):
            let bytes = try load(ObjectKey(.chunk, digest))
            guard bytes.count == Int(size) else {
                throw FormatError(
                    .range, "An attribute has \(bytes.count) bytes where the entry says \(size).")
            }
            return bytes
        }
    }
}

// MARK: Owner, attributes and mode

extension NodeWriter {
    /// Says whether the node has the owner it was captured with.
    private mutating func setOwner(
        _ metadata: Metadata, _ path: [UInt8], _ change: (UInt32, UInt32) throws(IOError) -> Void
    ) throws -> Bool {
        if isUntrusted {
            // A directory with the set-group-id bit hands its group down. Where owners cannot be changed, none is foreign.
            try? change(userID, groupID)
            let isForeign = metadata.uid != userID || metadata.gid != groupID
            if isForeign { warnOfOwner(metadata, path) }
            return !isForeign
        }
        do throws(IOError) {
            try change(metadata.uid, metadata.gid)
            return true
        } catch {
            guard error.isPermission || error.errno == EINVAL else { throw error }
            warnOfOwner(metadata, path)
            return false
        }
    }

    private mutating func warnOfOwner(_ metadata: Metadata, _ path: [UInt8]) {
        let owner = "\(metadata.uid):\(metadata.gid)"
        if isUntrusted {
            warn(.untrusted, path, "belongs to \(owner) in the snapshot.")
        } else {
            warn(.owner, path, "could not be given to \(owner).")
        }
    }

    private mutating func setAttributes(
        _ metadata: Metadata, _ path: [UInt8], _ set: ([UInt8], [UInt8]) throws(IOError) -> Void
    ) throws {
        for attribute in metadata.attributes {
            if isUntrusted, Self.isSecurity(attribute) {
                warnOfLoss(attribute, path)
                continue
            }
            let value = try value(of: attribute)
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

    private mutating func warnOfLoss(_ attribute: ExtendedAttribute, _ path: [UInt8]) {
        warn(.untrusted, path, "loses the attribute \(escaped(attribute.name)).")
    }

    /// Set-user-id and set-group-id only with the owner they were meant for.
    private func mode(_ metadata: Metadata, hasOwner: Bool) -> UInt16 {
        isUntrusted || !hasOwner ? metadata.mode & ~0o6000 : metadata.mode
    }

    private mutating func warnOfMode(_ metadata: Metadata, _ path: [UInt8], hasOwner: Bool) {
        guard metadata.mode & 0o6000 != 0 else { return }
        if isUntrusted {
            warn(.untrusted, path, "loses its set-user-id or set-group-id bit.")
        } else if !hasOwner {
            warn(.owner, path, "loses its set-user-id or set-group-id bit with its owner.")
        }
    }
}

// MARK: Nodes that were there before

extension NodeWriter {
    /// Whether a node has what ``finish(_:_:path:)`` gives one, attributes aside.
    func isFinished(_ status: FileStatus, _ metadata: Metadata) -> Bool {
        let isMine = status.uid == userID && status.gid == groupID
        let hasOwner = hasOwner(status, metadata)
        return (isUntrusted ? isMine : hasOwner || !isRoot) && status.mode == mode(metadata, hasOwner: hasOwner)
            && Self.hasTime(status, metadata.modified)
    }

    private func hasOwner(_ status: FileStatus, _ metadata: Metadata) -> Bool {
        status.uid == metadata.uid && status.gid == metadata.gid
    }

    /// Names what a finished node has not, because an earlier run could not or would not give it.
    ///
    /// - Parameter file: The node, open; nil when its attributes cannot be looked at.
    mutating func warnOfWhatIsMissing(
        _ status: FileStatus, _ file: Descriptor?, _ metadata: Metadata, path: [UInt8]
    ) throws {
        let hasOwner = hasOwner(status, metadata)
        if !hasOwner { warnOfOwner(metadata, path) }
        warnOfMode(metadata, path, hasOwner: hasOwner)
        if isUntrusted {
            for attribute in metadata.attributes where Self.isSecurity(attribute) { warnOfLoss(attribute, path) }
        }
        for attribute in wantedAttributes(metadata) {
            guard try !has(attribute, file) else { continue }
            warn(.attribute, path, "the attribute \(escaped(attribute.name)) could not be set.")
        }
    }

    private func has(_ attribute: ExtendedAttribute, _ file: Descriptor?) throws -> Bool {
        guard let file else { return false }
        do {
            return try PosixACL.canonical(Kernel.attribute(file, attribute.name)) == value(of: attribute)
        } catch is IOError {
            return false
        }
    }

    /// Whether an open file has exactly the attributes that it is to have.
    func hasAttributes(_ file: Descriptor, _ metadata: Metadata) throws -> Bool {
        let wanted = wantedAttributes(metadata)
        guard Set(try Kernel.attributeNames(file)) == Set(wanted.map(\.name)) else { return false }
        return try wanted.allSatisfy { try has($0, file) }
    }
}
