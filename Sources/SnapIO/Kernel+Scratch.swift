internal import CSnapKernel
internal import Glibc

// Files that need not survive: scratch space and caches. What must survive goes through `Disk`.

extension Kernel {
    /// Opens a file without a name in a directory, for reading and writing: it goes with its descriptor.
    package static func openUnnamed(inDirectory path: String) throws(IOError) -> Descriptor {
        let unnamed = OpenFlags(rawValue: 0o20200000)  // O_TMPFILE, which <fcntl.h> hides behind _GNU_SOURCE
        do {
            return try open(path, [unnamed, .readWrite])
        } catch {
            guard error.errno == EOPNOTSUPP || error.errno == EISDIR || error.errno == EINVAL else { throw error }
        }
        // A file system that cannot: a name for a moment.
        let name = "\(path)/.scratch-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        let file = try open(name, [.readWrite, .create, .exclusive])
        try removeFile(name)
        return file
    }

    /// Renames without making it durable, over what was there.
    package static func replaceFile(_ path: String, by newPath: String) throws(IOError) {
        _ = try call("rename", Array(newPath.utf8)) { Glibc.rename(newPath, path) }
    }

    package static func removeFile(_ path: String) throws(IOError) {
        _ = try call("unlink", Array(path.utf8)) { Glibc.unlink(path) }
    }

    /// Takes the lock of an open file unless another has it: flock(2), which goes with the descriptor.
    package static func tryLock(_ file: Descriptor) throws(IOError) -> Bool {
        do {
            _ = try call("lock", []) { flock(file.number, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error.errno == EWOULDBLOCK { return false }
            throw error
        }
    }

    /// Keeps memory that is freed for what is allocated next, up to 128 MB in blocks of up to 32. Frames come and go by the
    /// megabyte, and glibc gives each back to the kernel, which clears its pages anew.
    package static func keepFreedMemory() { snap_keep_freed_memory(128 << 20, 32 << 20) }

    /// How many files this process may have open.
    package static func openFileLimit() -> UInt64 {
        var limit = rlimit()
        guard getrlimit(CInt(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return UInt64(limit.rlim_cur)
    }

    /// Blocks this thread.
    package static func sleep(milliseconds: UInt32) {
        usleep(milliseconds.multipliedReportingOverflow(by: 1000).partialValue)
    }

    /// Resident memory of this process now, in bytes; 0 where /proc does not tell.
    package static func residentMemoryBytes() -> UInt64 {
        guard let text = try? readFile("/proc/self/statm", limit: 256) else { return 0 }
        let fields = String(decoding: text, as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = UInt64(fields[1]) else { return 0 }
        return pages * UInt64(clamping: sysconf(CInt(_SC_PAGESIZE)))
    }
}
