import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// Archives as programs make them, and as nobody should.
@Suite struct TarReaderTests {
    /// One of everything.
    static func sample() -> [UInt8] {
        var builder = TarBuilder()
        builder.add("./", .directory)
        builder.add("./d/", .directory) {
            $0.defaultList = Array("user::rwx,user:5:r--,group::r-x,mask::r-x,other::---".utf8)
        }
        builder.add("./d/file", .file, patternBytes(700)) {
            $0.attributes = [SourceAttribute(name: Array("user.a=b".utf8), value: [0, 10, 255])]
            $0.modified = Timestamp(seconds: -2, nanoseconds: 5)
        }
        builder.link("./d/link", to: "./d/file")
        builder.add([0xff, 0xfe], .symbolicLink) { $0.linkName = Array("d/file".utf8) }
        builder.add("device", .characterDevice) { ($0.major, $0.minor) = (1, 3) }
        builder.add("fifo", .fifo)
        builder.addSpecial(.longName, Array("long/".utf8).repeated(30) + Array("name\0".utf8))
        builder.addSpecial(.longLink, Array("target/".utf8).repeated(30) + [0])
        builder.add(TarHeader(name: Array("cut".utf8), type: .symbolicLink))
        builder.add(
            "sparse", .file,
            Array("2\n4096\n512\n1000000\n0\n".utf8) + [UInt8](repeating: 0, count: 491)
                + patternBytes(512)
        ) {
            $0.isSparse = true
            $0.size = 1_000_000
        }
        addOldSparse(&builder)
        return builder.finished
    }

    /// A sparse file as GNU tar wrote it before pax, its map going on after the header.
    static func addOldSparse(_ builder: inout TarBuilder, fileBytes: Int = 100_000, more: Bool = true) {
        var header = TarHeader(name: Array("oldsparse".utf8), type: .sparse)
        header.size = 6 * 512
        builder.addBlock(header) { block in
            block.replaceSubrange(257..<265, with: Array("ustar  \0".utf8))
            for index in 0..<4 { put(&block, 386 + index * 24, index * 8192, 512) }
            block[482] = more ? 1 : 0
            block.replaceSubrange(483..<495, with: TarBuilder.octal(fileBytes, digits: 11))
        }
        if more {
            var block = [UInt8](repeating: 0, count: 512)
            put(&block, 0, 40_960, 512)
            put(&block, 24, 81_920, 512)
            builder.bytes += block
        }
        builder.addData(patternBytes(6 * 512, seed: 9))
    }

    private static func put(_ block: inout [UInt8], _ place: Int, _ offset: Int, _ size: Int) {
        block.replaceSubrange(place..<(place + 12), with: TarBuilder.octal(offset, digits: 11))
        block.replaceSubrange((place + 12)..<(place + 24), with: TarBuilder.octal(size, digits: 11))
    }

    @Test(arguments: [1, 7, 512, 1000, .max]) func `members are read however the stream is sliced`(pieces: Int) throws {
        let (tree, result) = try importTar(Self.sample(), pieces: pieces)
        #expect(try tree.bytes("d/file") == patternBytes(700))
        #expect(try tree.entry("d/file").metadata.modified == Timestamp(seconds: -2, nanoseconds: 5))
        #expect(try tree.entry("d/file").metadata.attributes.map(\.value) == [.inline([0, 10, 255])])
        #expect(try tree.linkGroups() == [["d/file", "d/link"]])
        #expect(try tree.entry([[0xff, 0xfe]]).node == .symbolicLink(Array("d/file".utf8)))
        #expect(try tree.entry("device").node == .characterDevice(major: 1, minor: 3))
        let long = String(repeating: "long/", count: 30) + "name"
        #expect(try tree.entry(long).node == .symbolicLink(Array("target/".utf8).repeated(30)))
        var sparse = [UInt8](repeating: 0, count: 1_000_000)
        sparse.replaceSubrange(4096..<4608, with: patternBytes(512))
        #expect(try tree.bytes("sparse") == sparse)
        var old = [UInt8](repeating: 0, count: 100_000)
        for (index, offset) in [0, 8192, 16_384, 24_576, 40_960, 81_920].enumerated() {
            old.replaceSubrange(
                offset..<(offset + 512), with: patternBytes(6 * 512, seed: 9)[(index * 512)..<((index + 1) * 512)])
        }
        #expect(try tree.bytes("oldsparse") == old)
        #expect(result.warnings.isEmpty)
        #expect(result.counts.foreignAttributes == 0)
    }

    // MARK: Dialects

    @Test func `headers of Unix 7 have no magic, and directories end in a slash`() throws {
        let (tree, _) = try importTar { builder in
            for (name, type) in [("d/", UInt8(0)), ("d/f", 0), ("e/", UInt8(ascii: "0"))] {
                var header = TarHeader(name: Array(name.utf8), type: TarType(rawValue: type))
                header.mode = 0o751
                header.size = name == "d/f" ? 3 : 0
                builder.addBlock(header, name == "d/f" ? [1, 2, 3] : []) { block in
                    for index in 257..<512 { block[index] = 0 }
                }
            }
        }
        #expect(try tree.names() == [Array("d".utf8), Array("e".utf8)])
        #expect(try tree.entry("d").metadata.mode == 0o751)
        #expect(try tree.bytes("d/f") == [1, 2, 3])
    }

    @Test func `a global header holds until a record or an empty one overrides it`() throws {
        let (tree, _) = try importTar { builder in
            builder.addSpecial(
                .global, [("uid", "77"), ("comment", "x")].flatMap { TarPaxRecord($0.0, Array($0.1.utf8)).encode() })
            builder.add("a") { $0.gid = 5 }
            builder.addPax([("uid", "78")])
            builder.add(TarHeader(name: Array("b".utf8), type: .file))
            builder.addPax([("uid", "")])
            builder.add("c") { $0.uid = 3 }
            builder.add("d")
        }
        #expect(try ["a", "b", "c", "d"].map { try tree.entry($0).metadata.uid } == [77, 78, 3, 77])
    }

    @Test func `a global attribute holds until an empty one takes it back, and no map is global`() throws {
        func global(_ keyword: String, _ value: String) -> [UInt8] { TarPaxRecord(keyword, Array(value.utf8)).encode() }
        let (tree, _) = try importTar { builder in
            builder.addSpecial(.global, global("SCHILY.xattr.user.a", "1") + global("SCHILY.xattr.user.b", "2"))
            builder.addSpecial(.global, global("GNU.sparse.size", "9") + global("GNU.sparse.map", "0,1"))
            builder.add("a", .file, [1, 2, 3])
            builder.addSpecial(.global, global("SCHILY.xattr.user.a", ""))
            builder.add("b")
        }
        #expect(try tree.bytes("a") == [1, 2, 3])
        #expect(try tree.entry("a").metadata.attributes.map(\.name) == ["user.a", "user.b"].map { Array($0.utf8) })
        #expect(try tree.entry("b").metadata.attributes.map(\.name) == [Array("user.b".utf8)])
    }

    /// Each member once looked at all of them: this took minutes.
    @Test(.timeLimit(.minutes(1))) func `many global records cost nothing for each member`() throws {
        var builder = TarBuilder()
        builder.addSpecial(.global, (0..<60_000).flatMap { TarPaxRecord("key.\($0)", [0x78]).encode() })
        for index in 0..<20_000 { builder.add(TarHeader(name: Array("\(index)".utf8), type: .file)) }
        #expect(try readTar(builder.finished).count == 20_000)
    }

    @Test func `numbers of GNU tar may be base 256`() throws {
        let (tree, _) = try importTar { builder in
            builder.addBlock(TarHeader(name: Array("a".utf8), type: .file)) { block in
                block.replaceSubrange(108..<116, with: [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe])
                block.replaceSubrange(136..<148, with: [UInt8](repeating: 0xff, count: 11) + [0xfe])
            }
        }
        let metadata = try tree.entry("a").metadata
        #expect(metadata.uid == UInt32.max - 1)
        #expect(metadata.modified == Timestamp(seconds: -2, nanoseconds: 0))
    }

    @Test func `maps of sparse files of versions 0.0 and 0.1 are read from records`() throws {
        let (tree, _) = try importTar { builder in
            for isFirst in [true, false] {
                builder.addPax(
                    isFirst
                        ? [
                            ("GNU.sparse.size", "9000"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.offset", "512"),
                            ("GNU.sparse.numbytes", "512"), ("GNU.sparse.offset", "9000"), ("GNU.sparse.numbytes", "0"),
                        ]
                        : [
                            ("GNU.sparse.size", "9000"), ("GNU.sparse.name", "one"),
                            ("GNU.sparse.map", "512,512,9000,0"),
                        ])
                var header = TarHeader(name: Array((isFirst ? "zero" : "GNUSparseFile.1/one").utf8), type: .file)
                header.size = 512
                builder.add(header, patternBytes(512))
            }
        }
        let expected = [UInt8](repeating: 0, count: 512) + patternBytes(512) + [UInt8](repeating: 0, count: 9000 - 1024)
        #expect(try tree.bytes("zero") == expected)
        #expect(try tree.bytes("one") == expected)
    }

    @Test func `a sparse file has the name that is neither made up nor cut`() throws {
        let full = String(repeating: "directory/", count: 12) + "name"
        let made = String(repeating: "directory/", count: 12) + "GNUSparseFile.7/name"
        let cases: [(path: String?, name: String, expected: String)] = [
            (full, String(full.prefix(110)), full), (made, full, full), (nil, full, full),
            (String(made.prefix(100)), full, full),
            ("d/GNUSparseF", "d/a", "d/a"), ("other", "a", "a"),
        ]
        for (path, name, expected) in cases {
            let (tree, _) = try importTar { builder in
                builder.addPax(
                    (path.map { [("path", $0)] } ?? []) + [
                        ("GNU.sparse.name", name), ("GNU.sparse.size", "5"), ("GNU.sparse.map", "5,0"),
                    ])
                builder.add(TarHeader(name: Array("GNUSparseFile.7/cut".utf8), type: .file))
            }
            #expect(try tree.bytes(expected) == [0, 0, 0, 0, 0])
        }
    }

    @Test func `types that are not known are files, and named`() throws {
        let (tree, result) = try importTar { builder in
            builder.add("odd", TarType(rawValue: UInt8(ascii: "Q")), [5, 6])
        }
        #expect(try tree.bytes("odd") == [5, 6])
        #expect(result.warnings.kept.map(\.path) == [Array("odd".utf8)])
    }

    @Test func `links, directories and nodes have no bytes, whatever their size says`() throws {
        let (tree, _) = try importTar { builder in
            for type in [TarType.directory, .symbolicLink, .fifo] {
                var header = TarHeader(name: [type.rawValue], type: type)
                header.linkName = [0x78]
                header.size = 4096
                builder.add(header)
            }
            builder.add("end")
        }
        #expect(try tree.names().count == 4)
    }

    // MARK: What is no archive

    @Test(
        arguments: [
            ([0x1f, 0x8b, 8, 0], "zcat"), ([0x28, 0xb5, 0x2f, 0xfd], "zstdcat"),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xzcat"),
            (Array("BZh9".utf8), "bzcat"), (Array("SNAPEXP1".utf8), "Leave out"),
        ] as [([UInt8], String)])
    func `other streams are told apart, with what to do`(magic: [UInt8], hint: String) throws {
        let error = try #require(importFailure(magic + patternBytes(2000)))
        #expect(error.code == .invalid)
        #expect(error.hint?.contains(hint) == true)
    }

    @Test func `a stream of anything is no archive, and one of nothing is cut`() throws {
        #expect(importFailure(patternBytes(5000))?.code == .invalid)
        #expect(importFailure([])?.code == .corrupt)
        #expect(importFailure(patternBytes(100))?.code == .corrupt)
    }

    @Test func `an archive of no members is an empty directory`() throws {
        let (tree, result) = try importTar([UInt8](repeating: 0, count: 10_240))
        #expect(try tree.names().isEmpty)
        #expect(result.notices.count == 1)
    }

    @Test func `what follows the end is named`() throws {
        let archive = Self.sample()
        #expect(try importTar(archive + archive).1.warnings.kept.count == 1)
        #expect(try importTar(archive + [UInt8](repeating: 0, count: 100_000)).1.warnings.isEmpty)
        // One block of zeros at the very end is enough.
        #expect(try importTar(archive.dropLast(512)).1.warnings.isEmpty)
    }

    // MARK: Damage

    @Test func `an archive that is cut anywhere is refused`() throws {
        let archive = Self.sample()
        var cuts = 0
        for length in stride(from: 0, to: archive.count - 1024, by: step) {
            let error = importFailure(Array(archive.prefix(length)))
            #expect(error?.code == .corrupt, "cut at \(length)")
            cuts += 1
        }
        #expect(cuts > 50)
        #expect(importFailure(Array(archive.dropLast(1024)))?.hint?.contains("/dev/zero") == true)
    }

    /// A step that meets blocks at their ends and within; every byte at larger scales.
    private var step: Int { TestScale.factor > 1 ? 1 : 61 }

    @Test(
        arguments: [
            [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0],
            [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Array("77777777777\0".utf8),
            [0x80, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 1],
        ] as [[UInt8]])
    func `absurd sizes are refused, of files and of pax headers`(size: [UInt8]) throws {
        for type in [TarType.file, .extended, .global, .longName, .sparse, .volumeName, .directory] {
            if type == .directory, size[0] == UInt8(ascii: "7") || size[4] == 0x7f || size[4] == 0x10 { continue }
            let error = importFailure { builder in
                builder.addBlock(TarHeader(name: Array("a".utf8), type: type)) {
                    $0.replaceSubrange(124..<136, with: size)
                }
            }
            #expect(error != nil)
        }
    }

    @Test(arguments: [
        [("size", "-1")], [("size", "9223372036854775808")], [("size", "99999999999999999999")], [("uid", "x")],
        [("mtime", "yesterday")], [("GNU.sparse.map", "1,2,3")], [("GNU.sparse.map", "a")],
        [("GNU.sparse.numbytes", "5")], [("GNU.sparse.major", "1")], [("uid", "4294967295")], [("gid", "99999999999")],
        [("GNU.sparse.size", "10"), ("GNU.sparse.map", "0,11")], [("GNU.sparse.size", "1152921504606846977")],
        [("GNU.sparse.size", "10"), ("GNU.sparse.map", "5,0,3,0")],
        [("GNU.sparse.size", "18446744073709551615"), ("GNU.sparse.map", "18446744073709551615,1")],
    ])
    func `records that cannot be are refused`(records: [(String, String)]) throws {
        #expect(
            importFailure { builder in
                builder.addPax(records)
                builder.add(TarHeader(name: Array("a".utf8), type: .file))
            } != nil)
    }

    @Test(arguments: [
        "", "x\n", "3\n0\n512\n", "99999999999999999999999\n", "1\n0\n513\n", "2\n0\n512\n0\n0\n", "1\n0\n0\n",
        "4194305\n",
        "1\n9999999999\n512\n", "1\n-1\n512\n",
    ])
    func `maps before a file's bytes that lie are refused`(map: String) throws {
        let data = Array(map.utf8) + [UInt8](repeating: 0, count: 512 - map.utf8.count) + patternBytes(512)
        #expect(
            importFailure { builder in
                builder.add("a", .file, data) {
                    $0.isSparse = true
                    $0.size = 5000
                }
            } != nil)
    }

    @Test func `old maps that lie are refused`() throws {
        #expect(importFailure { Self.addOldSparse(&$0, fileBytes: 5000) }?.code == .corrupt)
        #expect(importFailure { Self.addOldSparse(&$0, more: false) }?.code == .corrupt)
    }

    @Test func `a pax header needs a member after it`() throws {
        #expect(importFailure { $0.addPax([("path", "a")]) }?.code == .corrupt)
    }

    @Test func `a member after a block of zeros is damage`() throws {
        var builder = TarBuilder()
        builder.add("a")
        builder.bytes += [UInt8](repeating: 0, count: 512)
        builder.add("b")
        #expect(importFailure(builder.finished)?.code == .corrupt)
    }

    @Test func `headers together are at most as long as one may be`() throws {
        let record = TarPaxRecord("comment", [UInt8](repeating: 0x78, count: 3 << 20)).encode()
        for type in [TarType.extended, .global] {
            let error = importFailure { builder in
                for index in 0..<3 {
                    let other = TarPaxRecord("comment\(index)", [UInt8](repeating: 0x78, count: 3 << 20)).encode()
                    builder.addSpecial(type, index == 0 ? record : other)
                }
                builder.add("a")
            }
            #expect(error?.message.contains("8 MiB") == true)
        }
    }

    /// Bytes changed at random, the checksum made right again in half of the cases: an error or a tree, never a trap.
    @Test func `damage anywhere is an error or another tree`() throws {
        var generator = SeededGenerator(seed: TestScale.seed("tar damage"))
        let archive = Self.sample()
        var refused = 0
        let rounds = 400 * TestScale.factor
        for _ in 0..<rounds {
            var damaged = archive
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<(archive.count - 1024), using: &generator)
                damaged[place] =
                    [0, 0x20, 0x2e, 0x2f, 0x30, 0x37, 0x80, 0xff, damaged[place] ^ 1].randomElement(
                        using: &generator) ?? 0
                guard Bool.random(using: &generator) else { continue }
                let start = place / 512 * 512
                var block = Array(damaged[start..<(start + 512)])
                TarBuilder.seal(&block)
                damaged.replaceSubrange(start..<(start + 512), with: block)
            }
            do {
                _ = try importTar(damaged)
            } catch let error as StoreError {
                #expect(error.code == .corrupt || error.code == .invalid, "\(error)")
                refused += 1
            }
        }
        print("tar damage: \(rounds) archives, \(refused) refused, 0 traps")
        #expect(refused > rounds / 4 && refused < rounds)
    }
}
