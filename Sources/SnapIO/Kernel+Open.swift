internal import CSnapKernel
internal import Glibc

/// How a file is opened.
package struct OpenFlags: OptionSet, Sendable {
    package let rawValue: CInt
    package init(rawValue: CInt) { self.rawValue = rawValue }

    package static let readOnly = OpenFlags(rawValue: O_RDONLY)
    package static let writeOnly = OpenFlags(rawValue: O_WRONLY)
    package static let readWrite = OpenFlags(rawValue: O_RDWR)
    package static let create = OpenFlags(rawValue: O_CREAT)
    package static let exclusive = OpenFlags(rawValue: O_EXCL)
    package static let truncate = OpenFlags(rawValue: O_TRUNC)
    package static let append = OpenFlags(rawValue: O_APPEND)
    package static let directory = OpenFlags(rawValue: O_DIRECTORY)
    package static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    package static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    /// A place in the file system, not to be read: O_PATH.
    package static let place = OpenFlags(rawValue: 0o10000000)
    /// Leaves the access time alone; only for the owner and root.
    package static let noAccessTime = OpenFlags(rawValue: 0o1000000)
}

extension Kernel {
    /// Opens a path given by the operator: symbolic links in it are followed.
    package static func open(_ path: String, _ flags: OpenFlags, mode: UInt32 = 0o600) throws(IOError) -> Descriptor {
        try open(Array(path.utf8), flags, mode: mode)
    }

    /// Opens a path given by the operator: symbolic links in it are followed.
    package static func open(_ path: [UInt8], _ flags: OpenFlags, mode: UInt32 = 0o600) throws(IOError)
        -> Descriptor
    {
        let number = try withCString(path) { path_ throws(IOError) in
            try call("open", path) { Glibc.open(path_, flags.rawValue | O_CLOEXEC, mode) }
        }
        return Descriptor(owning: number)
    }

    /// Opens a name within a directory, and nothing outside it: openat2 with RESOLVE_BENEATH, NO_SYMLINKS and
    /// NO_MAGICLINKS.
    package static func openBeneath(
        _ directory: Descriptor, _ name: [UInt8], _ flags: OpenFlags, mode: UInt32 = 0o600
    ) throws(IOError) -> Descriptor {
        let number = try withCString(name) { name_ throws(IOError) in
            try call("open", name) { snap_open_beneath(directory.number, name_, flags.rawValue, mode) }
        }
        return Descriptor(owning: number)
    }

    /// The directory above an open one. Where it leads may change: compare its identity with what is expected.
    package static func openParent(of directory: Descriptor) throws(IOError) -> Descriptor {
        let number = try call("open", Array("..".utf8)) {
            Glibc.openat(directory.number, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        return Descriptor(owning: number)
    }
}
