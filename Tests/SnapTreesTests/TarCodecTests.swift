import SnapModel
import SnapTrees
import Testing

@Suite struct TarCodecTests {
    // MARK: Numbers

    @Test(
        arguments: [
            ("0000644\0", 0o644), ("   755 \0", 0o755), ("7777777 ", 0o7_777_777), ("\0\0\0\0\0\0\0\0", 0),
            ("        ", 0), ("77777777", 0o77_777_777), ("\u{0}00755 \0", 0o755),
        ] as [(String, Int64)])
    func `octal fields end at a space, a NUL or their end`(text: String, value: Int64) throws {
        #expect(try TarNumber.parse(Array(text.utf8)[...], "mode") == value)
    }

    @Test(
        arguments: [
            ([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5], 5), ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -1),
            ([0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], .max),
            ([0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0], .min),
            ([0x80, 0, 0, 1, 0, 0, 0, 0], 1 << 32),
        ] as [([UInt8], Int64)])
    func `base-256 fields hold what octal digits cannot`(bytes: [UInt8], value: Int64) throws {
        #expect(try TarNumber.parse(bytes[...], "size") == value)
    }

    @Test(arguments: [
        Array("0000648\0".utf8), Array("-000001\0".utf8), Array("12x4567\0".utf8),
        [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], [0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0], [0xbf] + [UInt8](repeating: 0xff, count: 11),
    ])
    func `what is no number of 63 bits is refused`(bytes: [UInt8]) {
        #expect(throws: FormatError.self) { try TarNumber.parse(bytes[...], "size") }
    }

    // MARK: Times

    @Test(
        arguments: [
            ("0", 0, 0), ("1", 1, 0), ("1.5", 1, 500_000_000), ("-1", -1, 0), ("-0.5", -1, 500_000_000),
            ("-1.000000001", -2, 999_999_999), ("1700000000.123456789", 1_700_000_000, 123_456_789),
            ("-86399.999999999", -86_400, 1), ("9223372036854775807", .max, 0), ("-9223372036854775807", -.max, 0),
        ] as [(String, Int64, UInt32)])
    func `times have one text`(text: String, seconds: Int64, nanoseconds: UInt32) {
        let time = Timestamp(seconds: seconds, nanoseconds: nanoseconds)
        #expect(String(decoding: TarTime.text(time), as: UTF8.self) == text)
        #expect(TarTime.parse(Array(text.utf8)) == time)
    }

    @Test func `digits beyond nanoseconds round to the past`() {
        #expect(TarTime.parse(Array("1.9999999999".utf8)) == Timestamp(seconds: 1, nanoseconds: 999_999_999))
        #expect(TarTime.parse(Array("-1.0000000001".utf8)) == Timestamp(seconds: -2, nanoseconds: 999_999_999))
        #expect(TarTime.parse(Array("-1.9999999999".utf8)) == Timestamp(seconds: -2, nanoseconds: 0))
        #expect(TarTime.parse(Array("12.".utf8)) == Timestamp(seconds: 12, nanoseconds: 0))
    }

    @Test(arguments: ["", "-", ".5", "1.2.3", "1e5", "+1", "0x10", "1 ", "18446744073709551616", "9223372036854775808"])
    func `what is no time is refused`(text: String) {
        #expect(TarTime.parse(Array(text.utf8)) == nil)
    }

    // MARK: Pax records

    @Test(arguments: [0, 1, 4, 5, 6, 90, 91, 92, 93, 94, 985, 990, 991, 992, 9983, 9984, 9985, 9986])
    func `a record's length counts its own digits`(size: Int) throws {
        let record = TarPaxRecord("path", patternBytes(size))
        let bytes = record.encode()
        #expect(String(decoding: bytes.prefix { $0 != 0x20 }, as: UTF8.self) == String(bytes.count))
        #expect(try TarPaxRecord.decode(bytes + bytes) == [record, record])
        #expect(try TarPaxRecord.decode(bytes + [0, 0, 0]) == [record])
    }

    @Test(arguments: [
        "8 a=bc\n", "6 abc\n", "4 =\n", "x a=b\n", "99 a=b\n", "0 a=b\n", "-6 a=b\n", "6a=b\n",
        "18446744073709551615 a=b\n", "99999999999999999999999 a=b\n", "5 a=b", "6 a=bc", " 6 a=b\n", "6 a=b\n7 a=b\n",
    ])
    func `records that lie about their length are refused`(text: String) throws {
        #expect(throws: FormatError.self) { try TarPaxRecord.decode(Array(text.utf8)) }
    }

    @Test(arguments: ["user.a", "user.a=b", "user.100%", "user.%3D", "trusted.a%=\n"])
    func `names of attributes survive being a keyword`(name: String) {
        let keyword = TarAttributeKeyword.encode(Array(name.utf8))
        #expect(!keyword.contains(UInt8(ascii: "=")))
        #expect(TarAttributeKeyword.decode(keyword) == Array(name.utf8))
        #expect(TarAttributeKeyword.decode(Array(name.utf8)) == nil)
    }

    @Test func `escapes in keywords are those of GNU tar and of libarchive`() {
        func name(_ text: String) -> [UInt8]? { TarAttributeKeyword.decode(Array("SCHILY.xattr.\(text)".utf8)) }
        #expect(name("user.%FF%0a") == Array("user.".utf8) + [0xff, 10])
        #expect(name("user.%3D%25") == Array("user.=%".utf8))
        for text in ["user.%", "user.%4", "user.%zz", "user.%+1"] { #expect(name(text) == Array(text.utf8)) }
    }

    // MARK: Headers

    @Test func `a header comes back as it was written`() throws {
        var header = TarHeader(name: Array("a/b".utf8), type: .blockDevice)
        header.mode = 0o4755
        header.uid = 0o7_777_777
        header.gid = 12
        header.size = 0o77_777_777_777
        header.seconds = 0o77_777_777_777
        header.linkName = Array("c".utf8)
        header.major = 4095
        header.minor = 1_048_575
        #expect(try TarHeader.decode(header.encode()) == header)
        header.prefix = Array("x/y".utf8)
        #expect(try TarHeader.decode(header.encode()).name == Array("x/y/a/b".utf8))
    }

    @Test func `any changed byte of a header is found by its checksum`() throws {
        let block = TarHeader(name: Array("name".utf8), type: .file).encode()
        for index in 0..<512 where !(148..<156).contains(index) {
            var changed = block
            changed[index] ^= 0x11
            #expect(throws: FormatError.self) { try TarHeader.decode(changed) }
        }
    }

    @Test func `checksums of signed bytes are taken too`() throws {
        var block = TarHeader(name: [0xff, 0xfe], type: .file).encode()
        let unsigned = block.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
        block.replaceSubrange(148..<155, with: TarBuilder.octal(unsigned - 512, digits: 6))
        #expect(try TarHeader.decode(block).name == [0xff, 0xfe])
    }

    @Test(arguments: [1, 99, 100, 101, 150, 255, 256, 257, 300, 5000])
    func `paths of any length come back, in the header where they fit`(length: Int) throws {
        let path = Array(Array("directory/".utf8).repeated(length / 10 + 1).prefix(length - 1)) + [UInt8(ascii: "x")]
        var builder = TarBuilder()
        builder.add(path, .symbolicLink) { $0.linkName = path }
        #expect(try readTar(builder.finished).map(\.member.path) == [path])
        #expect(try readTar(builder.finished).map(\.member.linkName) == [path])
        builder = TarBuilder()
        builder.add(path)
        // A prefix of at most 155 bytes, a slash, a name of at most 100.
        #expect((builder.bytes.count == 512) == (length <= 250))
    }

    @Test func `bytes that are no text are said to be none`() throws {
        for (path, link) in [("é", "x"), ("x", "é"), ("\u{1}", "x")] as [(String, String)] {
            var builder = TarBuilder()
            builder.add(path, .symbolicLink) { $0.linkName = Array(link.utf8) }
            #expect(!builder.bytes.contains(Array("hdrcharset".utf8)))
        }
        for (path, link) in [([0xff], [0x61]), ([0x61], [0xff])] as [([UInt8], [UInt8])] {
            var builder = TarBuilder()
            builder.add(path, .symbolicLink) { $0.linkName = link }
            #expect(builder.bytes.contains(Array("21 hdrcharset=BINARY\n".utf8)))
            let member = try #require(try readTar(builder.finished).first?.member)
            #expect(member.path == path && member.linkName == link)
        }
    }

    @Test func `numbers beyond a header's fields go into records`() throws {
        var builder = TarBuilder()
        builder.add("device", .characterDevice) {
            $0.uid = UInt64(UInt32.max) - 1
            $0.gid = 0o7_777_777 + 1
            $0.major = UInt64(UInt32.max)
            $0.minor = UInt64(UInt32.max) - 7
            $0.modified = Timestamp(seconds: -5, nanoseconds: 1)
        }
        var member = try #require(try readTar(builder.finished).first?.member)
        #expect(member.uid == UInt64(UInt32.max) - 1 && member.gid == 0o7_777_777 + 1)
        #expect(member.major == UInt64(UInt32.max) && member.minor == UInt64(UInt32.max) - 7)
        #expect(member.modified == Timestamp(seconds: -5, nanoseconds: 1))
        builder = TarBuilder()
        builder.add("large") { $0.archivedBytes = 1 << 40 }
        member = try #require(try TarReader(piecewise(builder.bytes)).next())
        #expect(member.size == 1 << 40)
    }

    // MARK: Access control lists

    /// Tag, permissions and account of each entry.
    private func list(_ items: [(UInt16, UInt16, UInt32)]) -> [UInt8] {
        items.reduce([2, 0, 0, 0]) { bytes, item in
            var bytes: [UInt8] = bytes
            withUnsafeBytes(of: item.0.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: item.1.littleEndian) { bytes += $0 }
            withUnsafeBytes(of: item.2.littleEndian) { bytes += $0 }
            return bytes
        }
    }

    private let none = UInt32.max

    @Test func `lists have a text with numbers for accounts`() throws {
        let value = list([
            (1, 7, none), (2, 5, 0), (2, 0, 4_294_967_294), (4, 6, none), (8, 1, 33), (16, 7, none), (32, 4, none),
        ])
        let text = try #require(TarACL.text(value))
        #expect(
            String(decoding: text, as: UTF8.self)
                == "user::rwx,user:0:r-x,user:4294967294:---,group::rw-,group:33:--x,mask::rwx,other::r--")
        #expect(TarACL.parse(text, accounts: { _, _ in nil }) == .success(value))
        #expect(!TarACL.isMode(value))
        #expect(TarACL.isMode(list([(1, 7, none), (4, 5, none), (32, 5, none)])))
    }

    @Test func `values that no text can say have none`() {
        #expect(TarACL.text([]) == nil)
        #expect(TarACL.text([2, 0, 0, 0]) == nil)
        #expect(TarACL.text([1, 2, 3, 4, 5]) == nil)
        #expect(TarACL.text(list([(1, 8, none)])) == nil)
        #expect(TarACL.text(list([(3, 7, none)])) == nil)
        #expect(TarACL.text(list([(1, 7, 5)])) == nil)
        #expect(TarACL.text(list([(2, 7, none)])) == nil)
        // Another order than the one in which lists are kept.
        #expect(TarACL.text(list([(32, 7, none), (1, 7, none)])) == nil)
    }

    @Test(arguments: [
        "user::rwx\ngroup::r-x\nmask::rwx\nother::r--\nuser:alice:rw-\n",
        "u::rwx,g::rx,m::rwx,o::r,u:alice:rw", "user::rwx,group::r-x,mask:rwx,other:r--,user:alice:rw-:1000",
        "user::rwx, user:1000:rw-\t#effective:rw-\ngroup::r-x,mask::rwx,other::r--",
    ])
    func `texts of other programs are read`(text: String) {
        let expected = list([(1, 7, none), (2, 6, 1000), (4, 5, none), (16, 7, none), (32, 4, none)])
        let accounts: TarACL.Accounts = { isGroup, name in !isGroup && name == Array("alice".utf8) ? 1000 : nil }
        #expect(TarACL.parse(Array(text.utf8), accounts: accounts) == .success(expected))
    }

    @Test(arguments: [
        "", ",,,", "user", "user:rwx", "user::rwx:1:2:3", "someone::rwx", "user::rwz", "mask:5:rwx",
        "user::rwx;group::rx",
    ])
    func `what is no list is none`(text: String) {
        #expect(TarACL.parse(Array(text.utf8), accounts: { _, _ in 1 }) == .failure(.malformed))
    }

    @Test func `accounts that are not known are named`() {
        let text = Array("user::rwx,group:staff:rwx".utf8)
        #expect(TarACL.parse(text, accounts: { _, _ in nil }) == .failure(.unknownAccount(Array("staff".utf8))))
        let number = Array("user::rwx,user:4294967295:rwx".utf8)
        #expect(TarACL.parse(number, accounts: { _, _ in nil }) == .failure(.unknownAccount(Array("4294967295".utf8))))
    }

    // MARK: Paths

    @Test(arguments: [
        ("a", "a"), ("./a", "a"), ("/a/b", "a/b"), (".//a///./b/", "a/b"), ("./", ""), (".", ""), ("/", ""),
        ("...", "..."),
        ("a/..b", "a/..b"), ("./././", ""),
    ])
    func `paths lose what leads nowhere`(path: String, expected: String) throws {
        #expect(try TarPath.normalized(Array(path.utf8)) == Array(expected.utf8))
    }

    @Test(arguments: ["", "..", "../a", "a/../b", "a/..", "a\0b", "/.."])
    func `paths that leave the root or name nothing are refused`(path: String) {
        #expect(throws: FormatError.self) { try TarPath.normalized(Array(path.utf8)) }
    }

    @Test func `names and paths have a longest length`() throws {
        let name = [UInt8](repeating: 0x78, count: 255)
        #expect(try TarPath.normalized(name) == name)
        #expect(throws: FormatError.self) { try TarPath.normalized(name + [0x78]) }
        let path = [UInt8](repeating: 0x61, count: 2).enumerated().flatMap { _ in [0x61, 0x2f] as [UInt8] }
        let longest = path.repeated(TarPath.bytesMax / 4)
        #expect(try TarPath.normalized(longest).count == longest.count - 1)
        #expect(throws: FormatError.self) { try TarPath.normalized(longest + [0x61]) }
    }
}

extension [UInt8] {
    func repeated(_ count: Int) -> [UInt8] { Array((0..<count).map { _ in self }.joined()) }
}
