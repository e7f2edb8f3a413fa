import Glibc
import SnapIO
import TestSupport
import Testing

/// Open files, and the loops around reads and writes.
@Suite struct DescriptorTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// The end of a pipe says whether the other was closed, without looking at numbers that others may reuse.
    @Test func theLastReferenceCloses() throws {
        // The end to write to goes with this function.
        func readEnd() throws -> Descriptor { try makePipe().read }
        let read = try readEnd()
        var buffer = [UInt8](repeating: 0, count: 8)
        #expect(try buffer.withUnsafeMutableBytes { try Kernel.readSome(read, into: $0) } == 0)
    }

    @Test func closingTwiceIsOnce() throws {
        let (read, write) = try makePipe()
        try write.close()
        #expect(write.number == -1)
        try write.close()
        var buffer = [UInt8](repeating: 0, count: 8)
        #expect(try buffer.withUnsafeMutableBytes { try Kernel.readSome(read, into: $0) } == 0)
        let error = #expect(throws: IOError.self) { try write.write([1]) }
        #expect(error?.errno == EBADF)
        #expect(throws: IOError.self) { try Kernel.status(of: write) }
    }

    @Test func descriptorsAreNotInherited() throws {
        let (read, write) = (
            try Kernel.open("/dev/null", .readOnly), try Kernel.openUnnamed(inDirectory: directory.path)
        )
        let beneath = try Kernel.openBeneath(directory.open(), bytes("f"), [.writeOnly, .create])
        for file in [read, write, beneath, try Kernel.openParent(of: directory.open())] {
            #expect(fcntl(file.number, F_GETFD) & FD_CLOEXEC != 0)
        }
    }

    /// A pipe takes 64 KiB at a time and gives what is there: both sides must go on.
    @Test func pipesArePassedThroughWhole() throws {
        var generator = SeededGenerator(seed: TestScale.seed("pipe"))
        let sent = generator.bytes(3 << 20)
        let (read, write) = try makePipe()
        let pool = try WorkerPool(threads: 1, queueMax: 1)
        try pool.submit {
            try write.write(sent)
            try write.close()
        }
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 100_000)
        while true {
            let size = Int.random(in: 1...buffer.count, using: &generator)
            let count = try buffer.withUnsafeMutableBytes {
                try Kernel.readSome(read, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<size]))
            }
            if count == 0 { break }
            #expect(count <= size)
            received += buffer[..<count]
        }
        try pool.wait()
        #expect(received == sent)
    }

    @Test func readingAtAnOffset() throws {
        try directory.file("f").write([0, 1, 2, 3, 4])
        let file = try Kernel.open(directory.file("f"), .readWrite)
        func read(_ count: Int, at offset: UInt64) throws -> [UInt8] {
            var buffer = [UInt8](repeating: 99, count: count)
            let found = try buffer.withUnsafeMutableBytes { try Kernel.read(file, into: $0, at: offset) }
            return Array(buffer[..<found])
        }
        #expect(try read(3, at: 1) == [1, 2, 3])
        #expect(try read(9, at: 3) == [3, 4])
        #expect(try read(9, at: 5) == [] && read(9, at: 6) == [] && read(0, at: 0) == [])
        // Beyond what the kernel counts: the end, or its error, and never a trap.
        for offset in [UInt64(Int64.max), 1 << 63, .max] { #expect((try? read(9, at: offset))?.isEmpty ?? true) }
        try file.write([7, 8], at: 4)
        try file.write([], at: 100)
        #expect(try directory.read("f") == [0, 1, 2, 3, 7, 8])
        for offset in [UInt64(Int64.max), 1 << 63, .max] {
            #expect(throws: IOError.self) { try file.write([7, 8], at: offset) }
        }
    }

    @Test func aFileOverItsLimitIsRefused() throws {
        try directory.file("f").write([UInt8](repeating: 1, count: 1000))
        #expect(try Kernel.readFile(directory.file("f"), limit: 1000).count == 1000)
        let error = #expect(throws: IOError.self) { try Kernel.readFile(directory.file("f"), limit: 999) }
        #expect(error?.errno == EFBIG)
        // An endless one too.
        #expect(throws: IOError.self) { try Kernel.readFile("/dev/zero", limit: 1 << 20) }
    }

    @Test func lengths() throws {
        let file = try Kernel.open(directory.file("f"), [.readWrite, .create])
        try Kernel.truncate(file, to: 1 << 40)
        #expect(try Kernel.fileSize(directory.file("f")) == 1 << 40)
        #expect(try Kernel.status(of: file).blocks == 0)
        let error = #expect(throws: IOError.self) { try Kernel.truncate(file, to: .max) }
        #expect(error?.errno == EFBIG)
    }

    @Test func pathsWithNULAreRefused() throws {
        let handle = try directory.open()
        for error in [
            #expect(throws: IOError.self) { try Kernel.open([0x2f, 0, 0x61], .readOnly) },
            #expect(throws: IOError.self) { try Kernel.openBeneath(handle, [0x61, 0], .readOnly) },
            #expect(throws: IOError.self) { try Kernel.status(in: handle, [0]) },
            #expect(throws: IOError.self) { try Kernel.makeDirectory(in: handle, [0x61, 0, 0x62], mode: 0o700) },
            #expect(throws: IOError.self) { try Kernel.makeSymbolicLink(in: handle, [0x61], target: [0x62, 0]) },
        ] { #expect(error?.errno == EINVAL) }
        #expect(Array(try DirectoryNames(reading: handle)) == [])
    }
}

/// Files with holes, where the file system tells of them.
@Suite struct SparseFileTests {
    /// Data at 1 MiB and at 3 MiB of a file of 4 MiB.
    @Test(arguments: ["/dev/shm", "/tmp"])
    func holesAndData(_ parent: String) throws {
        let directory = TemporaryDirectory(in: parent)
        let file = try Kernel.open(directory.file("f"), [.readWrite, .create])
        let mebibyte: UInt64 = 1 << 20
        try Kernel.truncate(file, to: 4 * mebibyte)
        let data = [UInt8](repeating: 1, count: 65_536)
        for start in [mebibyte, 3 * mebibyte] { try file.write(data, at: start) }
        #expect(try Kernel.seekData(file, from: 0) == mebibyte)
        #expect(try Kernel.seekHole(file, from: 0) == 0)
        #expect(try Kernel.seekHole(file, from: mebibyte) == mebibyte + 65_536)
        #expect(try Kernel.seekData(file, from: mebibyte + 5) == mebibyte + 5)
        #expect(try Kernel.seekData(file, from: mebibyte + 65_536) == 3 * mebibyte)
        #expect(try Kernel.seekHole(file, from: 3 * mebibyte) == 3 * mebibyte + 65_536)
        // After the last data there is only a hole, and after the end nothing.
        #expect(try Kernel.seekData(file, from: 3 * mebibyte + 65_536) == nil)
        #expect(try Kernel.seekData(file, from: 4 * mebibyte) == nil)
        #expect(try Kernel.seekHole(file, from: 4 * mebibyte) == nil)
        #expect(try Kernel.seekData(file, from: .max) == nil)
    }

    @Test func theEndCountsAsAHole() throws {
        let directory = TemporaryDirectory(in: "/dev/shm")
        try directory.file("f").write([1, 2, 3])
        let file = try Kernel.open(directory.file("f"), .readOnly)
        #expect(try Kernel.seekHole(file, from: 0) == 3)
        #expect(try Kernel.seekHole(file, from: 3) == nil)
        let (read, _) = try makePipe()
        #expect(throws: IOError.self) { try Kernel.seekData(read, from: 0) }
    }
}
