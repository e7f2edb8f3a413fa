internal import CSnapKernel
internal import Glibc

// Names in directories: making, linking, removing.

extension Kernel {
    package static func makeDirectory(in directory: Descriptor, _ name: [UInt8], mode: UInt32) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try call("mkdir", name) { mkdirat(directory.number, name_, mode) }
        }
    }

    package static func makeSymbolicLink(in directory: Descriptor, _ name: [UInt8], target: [UInt8]) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try withCString(target) { target_ throws(IOError) in
                try call("symlink", name) { symlinkat(target_, directory.number, name_) }
            }
        }
    }

    /// Makes a device, FIFO or socket node with mode 0600.
    package static func makeNode(
        in directory: Descriptor, _ name: [UInt8], _ type: FileType, major: UInt32 = 0, minor: UInt32 = 0
    ) throws(IOError) {
        let format: mode_t =
            switch type {
            case .characterDevice: S_IFCHR
            case .blockDevice: S_IFBLK
            case .fifo: S_IFIFO
            case .socket: S_IFSOCK
            default: 0
            }
        guard format != 0 else { throw IOError(errno: EINVAL, operation: "mknod", path: name) }
        let (high, low) = (UInt64(major), UInt64(minor))
        let number =
            ((high & 0xffff_f000) << 32) | ((high & 0xfff) << 8) | ((low & 0xffff_ff00) << 12) | (low & 0xff)
        _ = try withCString(name) { name_ throws(IOError) in
            try call("mknod", name) { mknodat(directory.number, name_, format | 0o600, dev_t(number)) }
        }
    }

    /// Gives an existing node a second name.
    package static func link(
        from directory: Descriptor, _ name: [UInt8], to target: Descriptor, _ newName: [UInt8]
    ) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try withCString(newName) { newName_ throws(IOError) in
                try call("link", newName) { linkat(directory.number, name_, target.number, newName_, 0) }
            }
        }
    }

    package static func unlink(in directory: Descriptor, _ name: [UInt8]) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try call("unlink", name) { unlinkat(directory.number, name_, 0) }
        }
    }

    package static func removeDirectory(in directory: Descriptor, _ name: [UInt8]) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try call("rmdir", name) { unlinkat(directory.number, name_, AT_REMOVEDIR) }
        }
    }

    package static func rename(
        in directory: Descriptor, _ name: [UInt8], to target: Descriptor, _ newName: [UInt8], replace: Bool = true
    ) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try withCString(newName) { newName_ throws(IOError) in
                try call("rename", newName) {
                    snap_renameat2(
                        directory.number, name_, target.number, newName_, replace ? 0 : SNAP_RENAME_NOREPLACE)
                }
            }
        }
    }

    /// The target of a symbolic link.
    package static func readLink(in directory: Descriptor, _ name: [UInt8]) throws(IOError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let size = buffer.count
        let count = try withCString(name) { (name_) throws(IOError) -> Int in
            try Kernel.count("readlink", name) {
                buffer.withUnsafeMutableBytes { (bytes: UnsafeMutableRawBufferPointer) -> Int in
                    guard let base = bytes.baseAddress else { return 0 }
                    return readlinkat(directory.number, name_, base.assumingMemoryBound(to: CChar.self), size)
                }
            }
        }
        return Array(buffer[..<count])
    }

    /// The directories above `path` that are missing, upper ones first.
    package static func missingParentDirectories(of path: String) -> [String] {
        var parents: [String] = []
        var rest = path[...]
        while let slash = rest.lastIndex(of: "/"), slash > rest.startIndex {
            rest = rest[..<slash]
            if exists(String(rest)) { break }
            parents.append(String(rest))
        }
        return parents.reversed()
    }

    /// Makes the directories above `path` that are missing, mode 0755.
    package static func makeParentDirectories(of path: String) throws(IOError) {
        for parent in missingParentDirectories(of: path) {
            if mkdir(parent, 0o755) != 0, errno != EEXIST {
                throw IOError(errno: errno, operation: "mkdir", path: parent)
            }
        }
    }
}
