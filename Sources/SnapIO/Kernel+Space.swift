internal import Glibc

/// The room of a file system, in bytes.
package struct FileSystemRoom: Sendable, Hashable {
    package let totalBytes: UInt64
    /// What users without privileges may still take.
    package let availableBytes: UInt64
    /// What this process may take: all that is free to root.
    package let freeBytes: UInt64
    package let blockBytes: UInt64
}

extension Kernel {
    /// The room of the file system that a path lies on.
    package static func room(of path: String) throws(IOError) -> FileSystemRoom {
        var status = statvfs()
        _ = try call("statvfs", Array(path.utf8)) { statvfs(path, &status) }
        func bytes(_ blocks: UInt) -> UInt64 {
            let (product, overflow) = UInt64(blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize))
            return overflow ? .max : product
        }
        return FileSystemRoom(
            totalBytes: bytes(status.f_blocks), availableBytes: bytes(status.f_bavail),
            freeBytes: bytes(geteuid() == 0 ? status.f_bfree : status.f_bavail), blockBytes: UInt64(status.f_bsize))
    }

    /// Gives a file `size` bytes of zeros that have their room on the disk, also where the file system has no call for
    /// it.
    package static func allocate(_ file: Descriptor, size: UInt64) throws(IOError) {
        guard let size = off_t(exactly: size) else { throw IOError(errno: EFBIG, operation: "allocate", path: "") }
        // Returns the error in place of setting errno.
        let code = posix_fallocate(file.number, 0, size)
        guard code == 0 else { throw IOError(errno: code, operation: "allocate", path: "") }
    }
}
