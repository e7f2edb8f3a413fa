internal import CSnapKernel
internal import Glibc

// Owners, modes, times and extended attributes.

extension Kernel {
    package static func changeMode(_ file: Descriptor, _ mode: UInt16) throws(IOError) {
        _ = try call("chmod", []) { fchmod(file.number, mode_t(mode)) }
    }

    /// Of a device, FIFO or socket node. The name must not be a symbolic link: the kernel would follow it.
    package static func changeMode(in directory: Descriptor, _ name: [UInt8], _ mode: UInt16) throws(IOError) {
        // Through an O_PATH descriptor, so that no other node can slip in between check and change.
        let place = try openBeneath(directory, name, [.place, .noFollow])
        let path = "/proc/self/fd/\(place.number)"
        _ = try call("chmod", name) { chmod(path, mode_t(mode)) }
    }

    package static func changeOwner(_ file: Descriptor, uid: UInt32, gid: UInt32) throws(IOError) {
        _ = try call("chown", []) { fchown(file.number, uid, gid) }
    }

    package static func changeOwner(in directory: Descriptor, _ name: [UInt8], uid: UInt32, gid: UInt32)
        throws(IOError)
    {
        _ = try withCString(name) { name_ throws(IOError) in
            try call("chown", name) { fchownat(directory.number, name_, uid, gid, AT_SYMLINK_NOFOLLOW) }
        }
    }

    /// Sets the time of the last change of content, and the access time to the same.
    package static func changeTimes(_ file: Descriptor, seconds: Int64, nanoseconds: UInt32) throws(IOError) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        _ = try call("utimens", []) {
            withUnsafePointer(to: (time, time)) { pair in
                pair.withMemoryRebound(to: timespec.self, capacity: 2) { futimens(file.number, $0) }
            }
        }
    }

    package static func changeTimes(in directory: Descriptor, _ name: [UInt8], seconds: Int64, nanoseconds: UInt32)
        throws(IOError)
    {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        _ = try withCString(name) { name_ throws(IOError) in
            try call("utimens", name) {
                withUnsafePointer(to: (time, time)) { pair in
                    pair.withMemoryRebound(to: timespec.self, capacity: 2) {
                        utimensat(directory.number, name_, $0, AT_SYMLINK_NOFOLLOW)
                    }
                }
            }
        }
    }
}

// MARK: Extended attributes

extension Kernel {
    /// Names of the attributes of an open file, unsorted. A file system without attributes has none.
    package static func attributeNames(_ file: Descriptor) throws(IOError) -> [[UInt8]] {
        try attributeNames { buffer, size in flistxattr(file.number, buffer, size) }
    }

    /// Whether an open file has any attributes.
    package static func hasAttributes(_ file: Descriptor) throws(IOError) -> Bool {
        do {
            return try count("listxattr", []) { flistxattr(file.number, nil, 0) } > 0
        } catch {
            if error.errno == ENOTSUP { return false }
            throw error
        }
    }

    /// Names of the attributes of a node that cannot be opened: a symbolic link, device, FIFO or socket.
    package static func attributeNames(in directory: Descriptor, _ name: [UInt8]) throws(IOError) -> [[UInt8]] {
        try withNodePath(directory, name) { path throws(IOError) in
            try attributeNames { buffer, size in llistxattr(path, buffer, size) }
        }
    }

    package static func attribute(_ file: Descriptor, _ name: [UInt8]) throws(IOError) -> [UInt8] {
        try withCString(name) { name_ throws(IOError) in
            try sized(name) { buffer, size in fgetxattr(file.number, name_, buffer, size) }
        }
    }

    package static func attribute(in directory: Descriptor, _ node: [UInt8], _ name: [UInt8]) throws(IOError) -> [UInt8]
    {
        try withNodePath(directory, node) { path throws(IOError) in
            try withCString(name) { name_ throws(IOError) in
                try sized(name) { buffer, size in lgetxattr(path, name_, buffer, size) }
            }
        }
    }

    package static func setAttribute(_ file: Descriptor, _ name: [UInt8], _ value: [UInt8]) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try call("setxattr", name) { fsetxattr(file.number, name_, value, value.count, 0) }
        }
    }

    package static func setAttribute(in directory: Descriptor, _ node: [UInt8], _ name: [UInt8], _ value: [UInt8])
        throws(IOError)
    {
        _ = try withNodePath(directory, node) { path throws(IOError) in
            try withCString(name) { name_ throws(IOError) in
                try call("setxattr", name) { lsetxattr(path, name_, value, value.count, 0) }
            }
        }
    }

    package static func removeAttribute(_ file: Descriptor, _ name: [UInt8]) throws(IOError) {
        _ = try withCString(name) { name_ throws(IOError) in
            try call("removexattr", name) { fremovexattr(file.number, name_) }
        }
    }

    /// `/proc/self/fd/N/NAME`: the directory is pinned by its descriptor, the name is the last component, and the
    /// l*xattr calls do not follow it.
    private static func withNodePath<Result>(
        _ directory: Descriptor, _ name: [UInt8], _ body: (UnsafePointer<CChar>) throws(IOError) -> Result
    ) throws(IOError) -> Result {
        try withCString(Array("/proc/self/fd/\(directory.number)/".utf8) + name, body)
    }

    private static func attributeNames(
        _ list: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(IOError) -> [[UInt8]] {
        let bytes: [UInt8]
        do {
            bytes = try sized([]) { buffer, size in
                list(buffer?.assumingMemoryBound(to: CChar.self), size)
            }
        } catch {
            if error.errno == ENOTSUP { return [] }
            throw error
        }
        return bytes.split(separator: 0).map { Array($0) }
    }

    /// Calls `body` with growing buffers until the value fits: it may grow between two calls.
    private static func sized(
        _ name: [UInt8], _ body: (UnsafeMutableRawPointer?, Int) -> Int
    ) throws(IOError) -> [UInt8] {
        var capacity = 1024
        while true {
            var buffer = [UInt8](repeating: 0, count: capacity)
            let count = buffer.withUnsafeMutableBytes { body($0.baseAddress, $0.count) }
            if count >= 0 { return Array(buffer[..<min(count, capacity)]) }
            let code = errno
            if code == EINTR { continue }
            guard code == ERANGE, capacity < 1 << 20 else {
                throw IOError(errno: code, operation: "getxattr", path: name)
            }
            capacity *= 8
        }
    }
}
