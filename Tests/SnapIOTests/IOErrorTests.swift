import Glibc
import SnapIO
import TestSupport
import Testing

/// What people read when the kernel says no.
@Suite struct IOErrorTests {
    @Test func theSentenceNamesTheThingAndTheReason() {
        #expect(
            IOError(errno: ENOENT, operation: "open", path: "/no/where").description
                == "open /no/where: No such file or directory.")
        #expect(IOError(errno: EINVAL, operation: "seek", path: "").description == "seek: Invalid argument.")
        #expect(
            IOError(errno: ENOSPC, operation: "write", path: "a b").description
                == "write a b: No space left on device. Free space on that file system, then try again.")
    }

    @Test(arguments: [ENOSPC, EDQUOT, EACCES, EPERM, EMFILE, ENFILE, EROFS, EIO, ETIMEDOUT, ESTALE])
    func whatHelpsIsSaid(_ errno: CInt) throws {
        let error = IOError(errno: errno, operation: "write", path: "f")
        let remedy = try #require(error.remedy)
        #expect(error.description.hasSuffix(remedy) && remedy.hasSuffix("."))
    }

    @Test func kinds() {
        func error(_ errno: CInt) -> IOError { IOError(errno: errno, operation: "x", path: "") }
        for code in CInt(1)...133 {
            #expect(error(code).isNotFound == [ENOENT, ENOTDIR].contains(code))
            #expect(error(code).isPermission == [EACCES, EPERM].contains(code))
            #expect(error(code).isOutOfSpace == [ENOSPC, EDQUOT].contains(code))
            #expect(error(code).isTimeout == (code == ETIMEDOUT))
            #expect(error(code).isExisting == [EEXIST, ENOTEMPTY].contains(code))
            #expect(!error(code).description.isEmpty)
        }
    }

    @Test(arguments: [
        ("plain é 中", "plain é 中"), ("\u{1b}[31mred\n", "\\x1b[31mred\\x0a"), ("\u{202e}txt", "\\u{202e}txt"),
        ("\u{9b}31m", "\\u{9b}31m"), ("a\\nb", "a\\\\nb"), ("\u{2028}\u{feff}\u{7f}", "\\u{2028}\\u{feff}\\x7f"),
    ])
    func hostileNamesAreEscaped(_ name: String, _ shown: String) {
        #expect(IOError(errno: EIO, operation: "read", path: bytes(name)).path == shown)
        #expect(IOError(errno: EIO, operation: "read", path: name).path == shown)
    }

    @Test func namesThatAreNoTextAreEscaped() {
        #expect(IOError(errno: EIO, operation: "read", path: [0x61, 0xff, 0x0a, 0x5c]).path == "a\\xff\\x0a\\x5c")
    }

    /// Through the kernel and back: no name in a message can write a line of its own.
    @Test func everyByteInAMessage() throws {
        let directory = TemporaryDirectory(in: "/dev/shm")
        let handle = try directory.open()
        for byte in UInt8(1)...UInt8.max where byte != 0x2f {
            let error = #expect(throws: IOError.self) {
                try Kernel.openBeneath(handle, [0x6e, byte, 0x6f], [.readOnly])
            }
            #expect(error?.isNotFound == true)
            #expect(error?.description.unicodeScalars.allSatisfy { (0x20..<0x7f).contains($0.value) } == true)
        }
    }
}
