import Glibc
import SnapIO
import TestSupport
import Testing

/// Modes, owners, times and attributes, of nodes that cannot be opened too.
@Suite struct MetadataTests {
    private let directory = TemporaryDirectory()
    private let handle: Descriptor

    init() throws { handle = try directory.open() }

    private func file(_ name: String = "f") throws -> Descriptor {
        try Kernel.open(directory.file(name), [.readWrite, .create])
    }

    @Test(arguments: [0, 0o400, 0o644, 0o755, 0o1777, 0o4711, 0o2750, 0o7777] as [UInt16])
    func modes(_ mode: UInt16) throws {
        let file = try file()
        try Kernel.changeMode(file, mode)
        #expect(try Kernel.status(of: file).mode == mode)
        try Kernel.makeNode(in: handle, bytes("fifo"), .fifo)
        try Kernel.changeMode(in: handle, bytes("fifo"), mode)
        #expect(try Kernel.status(in: handle, bytes("fifo")).mode == mode)
    }

    /// The kernel would follow a link and change what it leads to.
    @Test func theModeOfALinkIsNotThatOfItsTarget() throws {
        let file = try file()
        try Kernel.changeMode(file, 0o600)
        try Kernel.makeSymbolicLink(in: handle, bytes("l"), target: bytes("f"))
        #expect(throws: IOError.self) { try Kernel.changeMode(in: handle, bytes("l"), 0o777) }
        #expect(try Kernel.status(of: file).mode == 0o600)
    }

    @Test(
        arguments: [(-1, 999_999_999), (0, 0), (1_700_000_000, 5), (-2_147_483_647, 1), (2_147_483_648, 1)]
            as [(Int64, UInt32)])
    func times(_ seconds: Int64, _ nanoseconds: UInt32) throws {
        let file = try file()
        try Kernel.changeTimes(file, seconds: seconds, nanoseconds: nanoseconds)
        try Kernel.makeSymbolicLink(in: handle, bytes("l"), target: bytes("f"))
        try Kernel.changeTimes(in: handle, bytes("l"), seconds: seconds, nanoseconds: nanoseconds)
        for status in [try Kernel.status(of: file), try Kernel.status(in: handle, bytes("l"))] {
            #expect(status.modifiedSeconds == seconds && status.modifiedNanoseconds == nanoseconds)
        }
        // Seconds that no file system keeps are cut to what it can, or refused; nothing traps.
        for extreme in [Int64.min, .max] {
            _ = try? Kernel.changeTimes(file, seconds: extreme, nanoseconds: 0)
            _ = try Kernel.status(of: file)
        }
    }

    @Test(.enabled(if: Kernel.isRoot, "skipped: not root")) func owners() throws {
        let file = try file()
        try Kernel.changeOwner(file, uid: 12_345, gid: UInt32.max - 1)
        #expect(try Kernel.status(of: file).uid == 12_345 && Kernel.status(of: file).gid == UInt32.max - 1)
        try Kernel.makeSymbolicLink(in: handle, bytes("l"), target: bytes("f"))
        try Kernel.changeOwner(in: handle, bytes("l"), uid: 7, gid: 8)
        #expect(try Kernel.status(in: handle, bytes("l")).uid == 7)
        #expect(try Kernel.status(of: file).uid == 12_345)
    }

    @Test(
        .enabled(if: Kernel.isRoot, "skipped: not root"),
        arguments: [(0, 0), (1, 3), (255, 256), (4095, 1_048_575), (259, 4096)] as [(UInt32, UInt32)])
    func deviceNumbers(_ major: UInt32, _ minor: UInt32) throws {
        for type in [FileType.characterDevice, .blockDevice] {
            try Kernel.makeNode(in: handle, bytes("\(type)"), type, major: major, minor: minor)
            let status = try Kernel.status(in: handle, bytes("\(type)"))
            #expect(status.type == type && status.deviceMajor == major && status.deviceMinor == minor)
            #expect(status.mode == 0o600)
        }
    }

    @Test func nodesThatNoCallMakes() throws {
        for type in [FileType.regular, .directory, .symbolicLink] {
            let error = #expect(throws: IOError.self) { try Kernel.makeNode(in: handle, bytes("n"), type) }
            #expect(error?.errno == EINVAL)
        }
        try Kernel.makeNode(in: handle, bytes("socket"), .socket)
        #expect(try Kernel.status(in: handle, bytes("socket")).type == .socket)
    }
}

/// Extended attributes.
@Suite struct AttributeTests {
    private let directory = TemporaryDirectory()
    private let handle: Descriptor

    init() throws { handle = try directory.open() }

    /// Larger than the first buffers that a value or a list of names is read into. A file system has a block for both.
    @Test func valuesAndNamesOfManySizes() throws {
        let file = try Kernel.open(directory.file("f"), [.readWrite, .create])
        #expect(try Kernel.attributeNames(file).filter { text($0).hasPrefix("user.") }.isEmpty)
        for size in [0, 1, 1023, 1024, 1025, 3000] {
            let value = [UInt8](repeating: 0xfe, count: size)
            try Kernel.setAttribute(file, bytes("user.v"), value)
            #expect(try Kernel.attribute(file, bytes("user.v")) == value)
        }
        try Kernel.removeAttribute(file, bytes("user.v"))
        let names = (0..<10).map { bytes("user.") + [0xff] + bytes(String(repeating: "n", count: 180) + "\($0)") }
        for name in names { try Kernel.setAttribute(file, name, [1]) }
        let found = try Kernel.attributeNames(file).filter { text($0).hasPrefix("user.") }
        #expect(Set(found) == Set(names) && found.count == names.count)
        let missing = #expect(throws: IOError.self) { try Kernel.attribute(file, bytes("user.missing")) }
        #expect(missing?.errno == ENODATA)
        #expect(missing?.path == "user.missing")
    }

    @Test func namesWithNULAreRefused() throws {
        let file = try Kernel.open(directory.file("f"), [.readWrite, .create])
        #expect(throws: IOError.self) { try Kernel.setAttribute(file, bytes("user.a\u{0}b"), [1]) }
        #expect(throws: IOError.self) { try Kernel.attribute(file, [0]) }
        #expect(throws: IOError.self) { try Kernel.removeAttribute(file, bytes("user.a\u{0}")) }
    }

    /// `user.` is for files and directories only; what root sets on other nodes must be read from the node itself.
    @Test(.enabled(if: Kernel.isRoot, "skipped: not root")) func ofLinksDevicesAndFIFOs() throws {
        let target = try Kernel.open(directory.file("target"), [.readWrite, .create])
        try Kernel.makeSymbolicLink(in: handle, bytes("link"), target: bytes("target"))
        try Kernel.makeNode(in: handle, bytes("device"), .characterDevice, major: 1, minor: 3)
        try Kernel.makeNode(in: handle, [0xff, 0x0a], .fifo)
        for (number, name) in [bytes("link"), bytes("device"), [0xff, 0x0a]].enumerated() {
            let value = [UInt8](repeating: UInt8(number), count: 2000)
            try Kernel.setAttribute(in: handle, name, bytes("trusted.x"), value)
            #expect(try Kernel.attributeNames(in: handle, name).contains(bytes("trusted.x")))
            #expect(try Kernel.attribute(in: handle, name, bytes("trusted.x")) == value)
        }
        #expect(try !Kernel.attributeNames(target).contains(bytes("trusted.x")))
        let error = #expect(throws: IOError.self) {
            try Kernel.setAttribute(in: handle, bytes("link"), bytes("user.x"), [1])
        }
        #expect(error?.isPermission == true)
        #expect(throws: IOError.self) { try Kernel.attributeNames(in: handle, bytes("missing")) }
    }
}
