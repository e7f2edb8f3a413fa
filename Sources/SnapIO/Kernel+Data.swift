internal import Glibc

// <unistd.h> hides SEEK_DATA and SEEK_HOLE behind _GNU_SOURCE.
private let seekData_: CInt = 3
private let seekHole_: CInt = 4

extension Kernel {
    /// Reads at an offset until the buffer is full or the file ends. Returns the bytes read.
    package static func read(_ file: Descriptor, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64)
        throws(IOError) -> Int
    {
        var done = 0
        while done < buffer.count {
            let count = try count("read", []) {
                pread(
                    file.number, buffer.baseAddress.map { $0 + done }, buffer.count - done,
                    off_t(clamping: offset) + off_t(done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Reads what is there next, from a pipe or a file; 0 at the end.
    package static func readSome(_ file: Descriptor, into buffer: UnsafeMutableRawBufferPointer) throws(IOError) -> Int
    {
        try count("read", []) { Glibc.read(file.number, buffer.baseAddress, buffer.count) }
    }

    /// Writes all bytes at an offset. Not durable by itself.
    package static func write(_ file: Descriptor, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IOError) {
        var done = 0
        while done < bytes.count {
            done += try count("write", []) {
                pwrite(
                    file.number, bytes.baseAddress.map { $0 + done }, bytes.count - done,
                    off_t(clamping: offset) + off_t(done))
            }
        }
    }

    /// Writes all bytes where the file stands: to a pipe, or appending.
    package static func writeAll(_ file: Descriptor, _ bytes: UnsafeRawBufferPointer) throws(IOError) {
        var done = 0
        while done < bytes.count {
            done += try count("write", []) {
                Glibc.write(file.number, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            }
        }
    }

    /// The bytes of a small file.
    ///
    /// - Throws: EFBIG when it has more than `limit` bytes.
    package static func readFile(_ path: String, limit: Int) throws(IOError) -> [UInt8] {
        let file = try open(path, .readOnly)
        var bytes: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try readSome(file, into: buffer)
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            if bytes.count > limit { throw IOError(errno: EFBIG, operation: "read", path: path) }
        }
    }

    /// The next offset at or after `offset` that may hold data; nil when only a hole is left, or nothing.
    package static func seekData(_ file: Descriptor, from offset: UInt64) throws(IOError) -> UInt64? {
        let found = lseek(file.number, off_t(clamping: offset), seekData_)
        if found >= 0 { return UInt64(found) }
        if errno == ENXIO { return nil }
        throw IOError(errno: errno, operation: "seek", path: "")
    }

    /// The next offset at or after `offset` where a hole begins; the end of the file counts as one.
    package static func seekHole(_ file: Descriptor, from offset: UInt64) throws(IOError) -> UInt64? {
        let found = lseek(file.number, off_t(clamping: offset), seekHole_)
        if found >= 0 { return UInt64(found) }
        if errno == ENXIO { return nil }
        throw IOError(errno: errno, operation: "seek", path: "")
    }

    /// Sets the length; what is added reads as zeros and takes no room.
    package static func truncate(_ file: Descriptor, to size: UInt64) throws(IOError) {
        guard let size = off_t(exactly: size) else { throw IOError(errno: EFBIG, operation: "truncate", path: "") }
        _ = try call("truncate", []) { ftruncate(file.number, size) }
    }

    /// Tells the kernel that a file is read from beginning to end.
    package static func adviseSequential(_ file: Descriptor) {
        _ = posix_fadvise(file.number, 0, 0, POSIX_FADV_SEQUENTIAL)
    }
}
