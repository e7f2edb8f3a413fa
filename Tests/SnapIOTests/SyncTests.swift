import SnapIO
import TestSupport
import Testing

/// A sync gets as far as the kernel, and its answer is listened to: what the kernel cannot sync is an error, not a
/// success.
@Suite struct SyncTests {
    private func errno(_ body: () throws -> Void) -> CInt? {
        do {
            try body()
            return nil
        } catch { return (error as? IOError)?.errno }
    }

    private static let invalid: CInt = 22
    private static let badDescriptor: CInt = 9

    @Test func aFile() throws {
        // No pipe can be synced.
        let pipe = try makePipe()
        #expect(errno { try Disk().sync(DurableFile(path: "pipe", descriptor: pipe.write)) } == Self.invalid)
        #expect(errno { try Kernel.syncFile(pipe.write) } == Self.invalid)
    }

    @Test func aDirectory() {
        // Nor what the kernel makes up.
        #expect(errno { try Disk().syncDirectory("/proc") } == Self.invalid)
        #expect(errno { try Disk().syncParent(of: "/proc/version") } == Self.invalid)
    }

    @Test func aFileSystem() throws {
        let directory = TemporaryDirectory(in: "/dev/shm")
        let file = try directory.open()
        #expect(errno { try Kernel.syncFileSystem(of: file) } == nil)
        try file.close()
        #expect(errno { try Kernel.syncFileSystem(of: file) } == Self.badDescriptor)
    }
}
