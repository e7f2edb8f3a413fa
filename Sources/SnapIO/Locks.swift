internal import CSnapKernel
internal import Glibc
internal import Synchronization

/// A lock between processes, and between the threads of one: flock(2) on a file that stays.
package final class FileLock: Sendable {
    private let file: Descriptor
    private let path: String
    /// Threads of one process share the open file, which flock cannot tell apart.
    private let isTaken = Mutex(false)

    /// - Parameter path: Made when missing, mode 0600.
    package init(path: String) throws(IOError) {
        self.path = path
        file = try Kernel.open(path, [.readWrite, .create], mode: 0o600)
    }

    /// Takes the lock, looking again every millisecond or so.
    ///
    /// - Throws: ETIMEDOUT when others keep it for the whole time.
    package func lock(deadlineSeconds: Double) throws(IOError) {
        let deadline = Kernel.bootNanoseconds() + Int64(deadlineSeconds * 1e9)
        var pause: UInt32 = 50
        while true {
            if try tryLock() { return }
            guard Kernel.bootNanoseconds() < deadline else {
                throw IOError(errno: ETIMEDOUT, operation: "lock", path: path)
            }
            usleep(pause)
            pause = min(pause * 2, 2_000)
        }
    }

    private func tryLock() throws(IOError) -> Bool {
        let free = isTaken.withLock { taken in
            if taken { return false }
            taken = true
            return true
        }
        guard free else { return false }
        if flock(file.number, LOCK_EX | LOCK_NB) == 0 { return true }
        let code = errno
        isTaken.withLock { $0 = false }
        if code == EWOULDBLOCK || code == EINTR { return false }
        throw IOError(errno: code, operation: "lock", path: path)
    }

    package func unlock() {
        flock(file.number, LOCK_UN)
        isTaken.withLock { $0 = false }
    }
}

extension Kernel {
    /// Locks a whole file as record locks (fcntl(2)) do, until it is closed; false while anybody has a lock on any of it,
    /// this process too.
    package static func tryRecordLock(_ file: Descriptor) throws(IOError) -> Bool {
        guard snap_ofd_lock(file.number) != 0 else { return true }
        let code = errno
        guard code == EAGAIN || code == EACCES else { throw IOError(errno: code, operation: "lock", path: "") }
        return false
    }
}

/// The lock by which others see that a session is alive: the kernel drops it when the process dies.
package final class SessionLock: Sendable {
    private let file: Descriptor
    private let path: String

    private init(file: Descriptor, path: String) {
        self.file = file
        self.path = path
    }

    /// Makes the session's file and locks it.
    ///
    /// Between making and locking, somebody who tidies up may take it for that of a dead session and remove it: then it
    /// is made again.
    package static func create(path: String) throws(IOError) -> SessionLock {
        while true {
            if let lock = try tryTake(path: path) { return lock }
            usleep(500)
        }
    }

    /// Takes the lock of a session whose process is gone; nil while it lives, or somebody else is removing it. A missing
    /// file is made: its session died before or after it had one.
    package static func tryTake(path: String) throws(IOError) -> SessionLock? {
        let file = try Kernel.open(path, [.readWrite, .create], mode: 0o600)
        guard try Kernel.tryRecordLock(file) else { return nil }
        // The lock of a file that was removed meanwhile says nothing.
        guard let named = try? Kernel.status(path: path) else { return nil }
        let locked = try Kernel.status(of: file)
        guard named.inode == locked.inode, named.device == locked.device else { return nil }
        return SessionLock(file: file, path: path)
    }

    /// Removes the file and lets go.
    package func release() {
        _ = Glibc.unlink(path)
        try? file.close()
    }
}
