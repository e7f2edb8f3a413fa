import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Testing

@Suite struct CaptureEntryTests {
    @Test func `regular files of all sizes keep their bytes`() throws {
        let fixture = try CaptureFixture()
        let sizes = [0, 1, 63, 64, 65, 4095, 4096, 4097, 65_535, 65_536, 65_537, 300_000, 3_000_000]
        for size in sizes { try fixture.write("f\(size)", patternBytes(size, seed: UInt64(size + 1))) }
        let (tree, result) = try fixture.capture()
        for size in sizes { #expect(try tree.bytes("f\(size)") == patternBytes(size, seed: UInt64(size + 1))) }
        for size in sizes {
            guard case .inline = try tree.content("f\(size)").body else {
                #expect(size > 64)
                continue
            }
            #expect(size <= 64)
        }
        #expect(result.fileCount == UInt64(sizes.count))
        #expect(result.logicalBytes == UInt64(sizes.reduce(0, +)))
        #expect(result.counts.entries == UInt64(sizes.count + 1))
        #expect(result.warnings.isEmpty)
    }

    @Test func `every type of node is told apart`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("file", "x")
        fixture.makeDirectory("directory")
        symlink("directory/../nowhere", fixture.at("link"))
        mkfifo(fixture.at("fifo"), 0o640)
        let socketNumber = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socketNumber) }
        mknod(fixture.at("socket"), S_IFSOCK | 0o600, 0)
        let (tree, result) = try fixture.capture()
        #expect(try tree.entry("link").node == .symbolicLink(Array("directory/../nowhere".utf8)))
        #expect(try tree.entry("link").metadata.mode == 0o777)
        #expect(try tree.entry("fifo").node == .fifo)
        #expect(try tree.entry("fifo").metadata.mode == 0o640 & ~currentMask)
        #expect(try tree.entry("socket").node == .socket)
        #expect(result.warnings.kept == [])
        #expect(try tree.names("directory").isEmpty)
        #expect(try tree.content("file").body == .inline([UInt8(ascii: "x")]))
        #expect(result.fileCount == 1)
    }

    @Test(.enabled(if: isRoot, "skipped: not root")) func `device nodes keep their numbers and are not opened`() throws
    {
        let fixture = try CaptureFixture()
        mknod(fixture.at("character"), S_IFCHR | 0o600, makeDevice(1, 3))
        mknod(fixture.at("block"), S_IFBLK | 0o600, makeDevice(259, 1_000_000))
        mknod(fixture.at("whiteout"), S_IFCHR, 0)
        let (tree, _) = try fixture.capture()
        #expect(try tree.entry("character").node == .characterDevice(major: 1, minor: 3))
        #expect(try tree.entry("block").node == .blockDevice(major: 259, minor: 1_000_000))
        #expect(try tree.entry("whiteout").node == .characterDevice(major: 0, minor: 0))
    }

    @Test(.enabled(if: isRoot, "skipped: not root")) func `modes, owners and times are kept to the nanosecond`() throws
    {
        let fixture = try CaptureFixture()
        try fixture.write("a", "a")
        chown(fixture.at("a"), 12345, 4_294_967_294)
        chmod(fixture.at("a"), 0o7755)
        let directory = try Kernel.open(fixture.tree, [.readOnly, .directory])
        try Kernel.changeTimes(in: directory, Array("a".utf8), seconds: -1_000_000_000, nanoseconds: 123_456_789)
        fixture.makeDirectory("d")
        chmod(fixture.at("d"), 0o1777)
        try Kernel.changeTimes(in: directory, Array("d".utf8), seconds: 4_000_000_000, nanoseconds: 999_999_999)
        let (tree, _) = try fixture.capture()
        let file = try tree.entry("a").metadata
        #expect(file.uid == 12345 && file.gid == 4_294_967_294 && file.mode == 0o7755)
        #expect(file.modified == Timestamp(seconds: -1_000_000_000, nanoseconds: 123_456_789))
        let child = try tree.entry("d").metadata
        #expect(child.mode == 0o1777)
        #expect(child.modified == Timestamp(seconds: 4_000_000_000, nanoseconds: 999_999_999))
    }

    @Test func `names are any bytes, in byte order`() throws {
        let fixture = try CaptureFixture()
        var names: [[UInt8]] = [
            [0xFF], [0x80, 0xFE], Array("a\nb".utf8), [0x1B, UInt8(ascii: "c")], Array("é".utf8),
            Array("e\u{301}".utf8),
            Array("A".utf8), Array("a".utf8), [UInt8](repeating: UInt8(ascii: "n"), count: 255), [UInt8(ascii: "-")],
            Array("a.b".utf8), Array("a b".utf8), Array("\u{202E}x".utf8), [1], Array("...".utf8),
        ]
        for name in names {
            let path = Array(fixture.tree.utf8) + [UInt8(ascii: "/")] + name
            _ = try Kernel.open(path, [.writeOnly, .create])
        }
        let (tree, _) = try fixture.capture()
        names.sort { $0.lexicographicallyPrecedes($1) }
        #expect(try tree.names() == names)
    }

    @Test func `extended attributes are sorted, long values become chunks`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", "a")
        let file = try Kernel.open(fixture.at("a"), .readWrite)
        let long = patternBytes(1500)
        try Kernel.setAttribute(file, Array("user.z".utf8), [])
        try Kernel.setAttribute(file, Array("user.a".utf8), [0, 1, 2])
        try Kernel.setAttribute(file, Array("user.edge".utf8), patternBytes(1024))
        try Kernel.setAttribute(file, Array("user.long".utf8), long)
        fixture.makeDirectory("d")
        try Kernel.setAttribute(try Kernel.open(fixture.at("d"), .readOnly), Array("user.on".utf8), [7])
        let (tree, _) = try fixture.capture()
        let attributes = try tree.entry("a").metadata.attributes
        #expect(
            attributes.map { String(decoding: $0.name, as: UTF8.self) } == [
                "user.a", "user.edge", "user.long", "user.z",
            ])
        #expect(attributes[0].value == .inline([0, 1, 2]))
        #expect(attributes[1].value == .inline(patternBytes(1024)))
        guard case .chunk(let digest, let size) = attributes[2].value else {
            Issue.record("1500 bytes are no chunk")
            return
        }
        #expect(size == 1500)
        #expect(try tree.sink.load(ObjectKey(.chunk, digest)) == long)
        #expect(attributes[3].value == .inline([]))
        #expect(try tree.entry("d").metadata.attributes.count == 1)
    }

    @Test(.enabled(if: isRoot, "skipped: not root"))
    func `trusted attributes, capabilities and access control lists are captured, of links too`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", "a")
        symlink("a", fixture.at("link"))
        let directory = try Kernel.open(fixture.tree, [.readOnly, .directory])
        let name = Array("a".utf8)
        let capability: [UInt8] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        try Kernel.setAttribute(in: directory, name, Array("security.capability".utf8), capability)
        try Kernel.setAttribute(in: directory, name, Array("trusted.t".utf8), [9])
        try Kernel.setAttribute(in: directory, Array("link".utf8), Array("trusted.l".utf8), [8])
        // Version 2; user::rw-, user:1000:r--, user:5:rwx, group::r--, mask::rwx, other::---.
        let list = accessControlList([
            (1, 6, .max), (2, 7, 5), (2, 4, 1000), (4, 4, .max), (16, 7, .max), (32, 0, .max),
        ])
        try Kernel.setAttribute(in: directory, name, Array("system.posix_acl_access".utf8), list)
        let (tree, result) = try fixture.capture()
        let attributes = try tree.entry("a").metadata.attributes
        #expect(
            attributes == [
                ExtendedAttribute(name: Array("security.capability".utf8), value: .inline(capability)),
                ExtendedAttribute(name: Array("system.posix_acl_access".utf8), value: .inline(list)),
                ExtendedAttribute(name: Array("trusted.t".utf8), value: .inline([9])),
            ])
        #expect(try tree.entry("link").metadata.attributes.map(\.value) == [.inline([8])])
        #expect(result.warnings.isEmpty)
    }

    @Test func `holes are zero segments and are not read`() throws {
        let fixture = try CaptureFixture()
        let file = try Kernel.open(fixture.at("sparse"), [.readWrite, .create])
        let data = patternBytes(40_000)
        try data.withUnsafeBytes { try Kernel.write(file, $0, at: 1 << 30) }
        try data.withUnsafeBytes { try Kernel.write(file, $0, at: 40 << 30) }
        try Kernel.truncate(file, to: 100 << 30)
        let empty = try Kernel.open(fixture.at("empty"), [.readWrite, .create])
        try Kernel.truncate(empty, to: 1 << 40)
        let (tree, result) = try fixture.capture()
        let content = try tree.content("sparse")
        #expect(content.length == 100 << 30)
        #expect(result.counts.readBytes < 1 << 20)
        guard case .segments(let segments) = content.body else {
            Issue.record("a few segments are no list")
            return
        }
        let zeros = segments.compactMap { if case .zeros(let size) = $0 { size } else { nil } }
        #expect(zeros.count == 3 && zeros.reduce(0, +) > 99 << 30)
        #expect(try tree.content("empty").body == .segments([.zeros(size: 1 << 40)]))
    }

    @Test func `zeros that were written give the same content as a hole`() throws {
        let fixture = try CaptureFixture()
        let head = patternBytes(10_000)
        let tail = patternBytes(70_000, seed: 2)
        try fixture.write("written", head + [UInt8](repeating: 0, count: 1 << 20) + tail)
        let file = try Kernel.open(fixture.at("hole"), [.readWrite, .create])
        try head.withUnsafeBytes { try Kernel.write(file, $0, at: 0) }
        try tail.withUnsafeBytes { try Kernel.write(file, $0, at: UInt64(head.count + 1 << 20)) }
        let (tree, _) = try fixture.capture()
        #expect(try tree.content("written") == tree.content("hole"))
    }

    @Test func `a root that is no directory is refused in a sentence`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("file", "x")
        mkfifo(fixture.at("fifo"), 0o600)
        let expected: [(String, StoreError.Code)] = [
            (fixture.at("file"), .invalid), (fixture.at("fifo"), .invalid), (fixture.at("missing"), .notFound),
            ("/proc", .invalid),
        ]
        for (path, code) in expected {
            let error = #expect(throws: StoreError.self) {
                try Capture(sink: MemorySink(), options: CaptureOptions(kind: .directory)).run(directory: path)
            }
            #expect(error?.code == code)
        }
    }

    private var currentMask: UInt16 {
        let mask = umask(0)
        umask(mask)
        return UInt16(mask)
    }

    private func makeDevice(_ major: UInt64, _ minor: UInt64) -> dev_t {
        dev_t(((major & 0xfff) << 8) | ((minor & 0xffff_ff00) << 12) | (minor & 0xff))
    }

    private func accessControlList(_ entries: [(UInt16, UInt16, UInt32)]) -> [UInt8] {
        var bytes: [UInt8] = [2, 0, 0, 0]
        for (tag, permissions, id) in entries {
            withUnsafeBytes(of: tag.littleEndian) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: permissions.littleEndian) { bytes.append(contentsOf: $0) }
            withUnsafeBytes(of: id.littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }
}
