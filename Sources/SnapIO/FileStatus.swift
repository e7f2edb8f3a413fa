internal import Glibc

/// What kind of node a name stands for.
package enum FileType: Sendable, Hashable {
    case regular, directory, symbolicLink, characterDevice, blockDevice, fifo, socket
}

/// What the kernel says of a file.
package struct FileStatus: Sendable, Hashable {
    package let type: FileType
    /// Permission bits with setuid, setgid and sticky.
    package let mode: UInt16
    package let uid: UInt32
    package let gid: UInt32
    /// Length in bytes; negative sizes that a broken file system reports are 0.
    package let size: UInt64
    /// Allocated blocks of 512 bytes.
    package let blocks: UInt64
    package let modifiedSeconds: Int64
    package let modifiedNanoseconds: UInt32
    package let changedSeconds: Int64
    package let changedNanoseconds: UInt32
    package let device: UInt64
    package let inode: UInt64
    package let links: UInt64
    /// Of a device node.
    package let deviceMajor: UInt32
    package let deviceMinor: UInt32

    init(_ raw: stat) throws(IOError) {
        switch raw.st_mode & S_IFMT {
        case S_IFREG: type = .regular
        case S_IFDIR: type = .directory
        case S_IFLNK: type = .symbolicLink
        case S_IFCHR: type = .characterDevice
        case S_IFBLK: type = .blockDevice
        case S_IFIFO: type = .fifo
        case S_IFSOCK: type = .socket
        default: throw IOError(errno: EINVAL, operation: "stat (unknown file type)", path: "")
        }
        mode = UInt16(truncatingIfNeeded: raw.st_mode & 0o7777)
        uid = raw.st_uid
        gid = raw.st_gid
        size = UInt64(clamping: raw.st_size)
        blocks = UInt64(clamping: raw.st_blocks)
        modifiedSeconds = Int64(raw.st_mtim.tv_sec)
        modifiedNanoseconds = UInt32(clamping: raw.st_mtim.tv_nsec)
        changedSeconds = Int64(raw.st_ctim.tv_sec)
        changedNanoseconds = UInt32(clamping: raw.st_ctim.tv_nsec)
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        links = UInt64(raw.st_nlink)
        // The encoding of glibc's makedev.
        let number = UInt64(raw.st_rdev)
        deviceMajor = UInt32(truncatingIfNeeded: ((number >> 32) & 0xffff_f000) | ((number >> 8) & 0xfff))
        deviceMinor = UInt32(truncatingIfNeeded: ((number >> 12) & 0xffff_ff00) | (number & 0xff))
    }
}

extension Kernel {
    /// Status of an open file.
    package static func status(of file: Descriptor) throws(IOError) -> FileStatus {
        var raw = stat()
        _ = try call("stat", []) { fstat(file.number, &raw) }
        return try FileStatus(raw)
    }

    /// Status of a name in a directory; of a symbolic link, that of the link.
    package static func status(in directory: Descriptor, _ name: [UInt8]) throws(IOError) -> FileStatus {
        var raw = stat()
        _ = try withCString(name) { name_ throws(IOError) in
            try call("stat", name) { fstatat(directory.number, name_, &raw, AT_SYMLINK_NOFOLLOW) }
        }
        return try FileStatus(raw)
    }

    /// Status of a path given by the operator, links followed.
    package static func status(path: String) throws(IOError) -> FileStatus {
        var raw = stat()
        _ = try call("stat", Array(path.utf8)) { stat(path, &raw) }
        return try FileStatus(raw)
    }

    /// Whether the path leads to anything that can be seen.
    package static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Whether the path leads to a directory, links followed.
    package static func isDirectory(_ path: String) -> Bool {
        (try? status(path: path).type) == .directory
    }

    /// Length of a file in bytes.
    package static func fileSize(_ path: String) throws(IOError) -> UInt64 {
        try status(path: path).size
    }
}
