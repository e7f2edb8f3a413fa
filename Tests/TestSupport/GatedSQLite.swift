internal import CTestSQLite
internal import Glibc
package import SnapIO
import Synchronization

/// Lets the durable operations of SQLite pass the gates of a ``Disk``, like everything else that a store writes.
///
/// SQLite's VFS is replaced for the whole process; databases in directories that no test has attached go to the system's.
package enum GatedSQLite {
    /// Disks by directory.
    private static let disks = Mutex<[String: Disk]>([:])

    private static let isInstalled: Bool =
        test_sqlite_install { call, perform, argument in
            guard let call, let perform else { return Code.internalError }
            return GatedSQLite.decide(call.pointee, perform: { perform(argument) })
        } == Code.ok

    /// From now on the databases opened in `directory` write through `disk`.
    package static func attach(_ disk: Disk, directory: String) {
        precondition(isInstalled, "SQLite did not take the tests' VFS")
        disks.withLock { $0[directory] = disk }
    }

    package static func detach(directory: String) {
        disks.withLock { $0[directory] = nil }
    }

    /// Calls `body` while the catalogue of a store, and the backups of it, are written through `disk`.
    package static func attached<Result>(_ disk: Disk, store: String, _ body: (Disk) throws -> Result) rethrows
        -> Result
    {
        let directories = [store, store + "/backup"]
        for directory in directories { attach(disk, directory: directory) }
        defer { for directory in directories { detach(directory: directory) } }
        return try body(disk)
    }

    /// Result codes of SQLite.
    private enum Code {
        static let ok: CInt = 0
        static let internalError: CInt = 2
        static let full: CInt = 13
        static let cannotOpen: CInt = 14
        static let ioWrite: CInt = 10 | 3 << 8
        static let ioSync: CInt = 10 | 4 << 8
        static let ioSyncDirectory: CInt = 10 | 5 << 8
        static let ioTruncate: CInt = 10 | 6 << 8
        static let ioDelete: CInt = 10 | 10 << 8
    }

    /// The operation got as far as the system's VFS and failed there.
    private struct Refused: Error {
        let code: CInt
    }

    private static func decide(_ call: test_sqlite_call, perform: () -> CInt) -> CInt {
        let path = String(cString: call.path)
        guard let slash = path.lastIndex(of: "/"), let disk = disks.withLock({ $0[String(path[..<slash])] }) else {
            return perform()
        }
        do {
            try disk.gate(operation(call, path, wantsBytes: disk.wantsBytes)) {
                let code = perform()
                if code != Code.ok { throw Refused(code: code) }
            }
            return Code.ok
        } catch let refused as Refused {
            return refused.code
        } catch {
            return (error as? IOError)?.isOutOfSpace == true ? Code.full : failure(of: call)
        }
    }

    private static func operation(_ call: test_sqlite_call, _ path: String, wantsBytes: Bool) -> GateOperation {
        switch call.operation {
        case TEST_SQLITE_CREATE: return .createFile(path: path)
        case TEST_SQLITE_TRUNCATE: return .truncate(path: path, size: UInt64(clamping: call.offset))
        case TEST_SQLITE_SYNC: return .sync(path: path)
        case TEST_SQLITE_DELETE: return .unlink(path: path)
        case TEST_SQLITE_SYNC_DIRECTORY:
            return .syncDirectory(path: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        default:
            let bytes = UnsafeRawBufferPointer(start: call.bytes, count: Int(call.count))
            return .write(path: path, offset: UInt64(clamping: call.offset), bytes: wantsBytes ? Array(bytes) : [])
        }
    }

    private static func failure(of call: test_sqlite_call) -> CInt {
        switch call.operation {
        case TEST_SQLITE_CREATE: Code.cannotOpen
        case TEST_SQLITE_TRUNCATE: Code.ioTruncate
        case TEST_SQLITE_SYNC: Code.ioSync
        case TEST_SQLITE_DELETE: Code.ioDelete
        case TEST_SQLITE_SYNC_DIRECTORY: Code.ioSyncDirectory
        default: Code.ioWrite
        }
    }
}
