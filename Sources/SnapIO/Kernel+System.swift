internal import CSnapKernel
internal import Glibc

/// What a file system is, as far as capture and restore care.
package struct FileSystem: Sendable, Hashable {
    /// The magic number of statfs(2).
    package let magic: UInt64
    /// Bytes that this user may still write.
    package let availableBytes: UInt64
    package let totalBytes: UInt64
    /// Files of any type that may still be made, and that it can hold; nil where it does not count them.
    package let availableNodes: UInt64?
    package let totalNodes: UInt64?

    package var isProc: Bool { magic == 0x9fa0 }
    package var isSysfs: Bool { magic == 0x6265_6572 }
    /// ext4, XFS or btrfs: change times can be trusted there.
    package var hasTrustedTimes: Bool { magic == 0xef53 || magic == 0x5846_5342 || magic == 0x9123_683e }
}

extension Kernel {
    package static func fileSystem(of file: Descriptor) throws(IOError) -> FileSystem {
        var raw = statfs()
        _ = try call("statfs", []) { fstatfs(file.number, &raw) }
        let block = UInt64(clamping: raw.f_bsize)
        return FileSystem(
            magic: UInt64(truncatingIfNeeded: raw.f_type) & 0xffff_ffff,
            availableBytes: UInt64(raw.f_bavail).multipliedReportingOverflow(by: block).partialValue,
            totalBytes: UInt64(raw.f_blocks).multipliedReportingOverflow(by: block).partialValue,
            availableNodes: raw.f_files == 0 ? nil : UInt64(raw.f_ffree),
            totalNodes: raw.f_files == 0 ? nil : UInt64(raw.f_files))
    }

    /// Writes back everything of a file system, and waits.
    package static func syncFileSystem(of file: Descriptor) throws(IOError) {
        _ = try call("syncfs", []) { snap_syncfs(file.number) }
    }

    /// Processors this process may use, at least 1.
    package static let processorCount = Int(max(1, snap_processor_count()))

    /// Writes back one file, and waits.
    package static func syncFile(_ file: Descriptor) throws(IOError) {
        _ = try call("fsync", []) { fsync(file.number) }
    }

    /// Identifies this run of the kernel; empty where /proc does not tell.
    package static func bootID() throws(IOError) -> String {
        guard exists("/proc/sys/kernel/random/boot_id") else { return "" }
        let bytes = try readFile("/proc/sys/kernel/random/boot_id", limit: 128)
        return String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    }

    /// CLOCK_REALTIME, nanoseconds since 1970.
    package static func wallNanoseconds() -> Int64 { nanoseconds(CLOCK_REALTIME) }

    /// CLOCK_BOOTTIME: counts through suspend.
    package static func bootNanoseconds() -> Int64 { nanoseconds(CLOCK_BOOTTIME) }

    private static func nanoseconds(_ clock: CInt) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        let (product, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ Int64(time.tv_nsec)
    }

    package static var isRoot: Bool { geteuid() == 0 }
    package static var userID: UInt32 { geteuid() }
    package static var groupID: UInt32 { getegid() }

    /// Raises the soft limit of open files to the hard one. Returns the limit in force.
    @discardableResult
    package static func raiseOpenFileLimit() -> UInt64 {
        var limit = rlimit()
        guard getrlimit(CInt(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(CInt(RLIMIT_NOFILE.rawValue), &limit)
        return UInt64(limit.rlim_cur)
    }

    /// The largest resident set of this process so far, in bytes.
    package static func peakMemoryBytes() -> UInt64 {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return 0 }
        return UInt64(clamping: usage.ru_maxrss) << 10
    }
}
