import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// What becomes of an archive's members.
@Suite struct TarImportTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    // MARK: Order and repetition

    @Test func `members come in any order`() throws {
        let paths = ["a/", "a/b/", "a/b/c", "a.b", "a/x", "z", "./"]
        func build(_ order: [String]) throws -> CaptureResult {
            try importTar { builder in
                for path in order {
                    if path.hasSuffix("/") {
                        builder.add(path, .directory)
                    } else {
                        builder.add(path, .file, bytes(path))
                    }
                }
            }.1
        }
        let expected = try build(["./", "a/", "a/b/", "a/b/c", "a.b", "a/x", "z"]).manifest
        var generator = SeededGenerator(seed: TestScale.seed("tar order"))
        for _ in 0..<20 {
            let result = try build(paths.shuffled(using: &generator))
            #expect(result.manifest == expected)
            #expect(result.notices.isEmpty)
        }
    }

    @Test func `of several members with one name the last counts`() throws {
        let (tree, result) = try importTar { builder in
            builder.add("./", .directory)
            builder.add("d", .directory) { $0.mode = 0o700 }
            builder.add("d/f", .file, bytes("first"))
            builder.add("x", .symbolicLink) { $0.linkName = bytes("t") }
            builder.add("./d/f", .file, bytes("second"))
            builder.add("x", .file, bytes("file"))
            builder.add("d/", .directory) { $0.mode = 0o711 }
        }
        #expect(try tree.bytes("d/f") == bytes("second"))
        #expect(try tree.bytes("x") == bytes("file"))
        #expect(try tree.entry("d").metadata.mode == 0o711)
        #expect(result.counts.entries == 4)
        #expect(result.fileCount == 2)
        #expect(result.logicalBytes == 10)
        #expect(result.notices.contains { $0.hasPrefix("3 entries") })
    }

    @Test func `directories that are only in paths are made and named`() throws {
        let (tree, result) = try importTar { builder in
            builder.add("usr/lib/x")
            builder.add("usr/bin/y")
        }
        let expected = Metadata(mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0))
        for path in ["", "usr", "usr/lib", "usr/bin"] { #expect(try tree.entry(path).metadata == expected) }
        #expect(result.warnings.isEmpty)
        #expect(
            result.notices == [
                "The archive lacks 4 directories, made with mode 0755, owner 0:0 and time 0: the root, usr, usr/bin, usr/lib."
            ])
    }

    @Test func `many entries go through scratch files and make the same tree`() throws {
        var generator = SeededGenerator(seed: TestScale.seed("tar spill"))
        var builder = TarBuilder()
        for index in (0..<2000).shuffled(using: &generator) {
            builder.add("d\(index % 17)/e\(index % 5)/f\(index)", .file, bytes("\(index)"))
        }
        for index in 0..<1000 { builder.link("l\(index % 7)/x\(index)", to: "d\(index % 17)/e\(index % 5)/f\(index)") }
        let (large, _) = try importTar(builder.finished)
        let (small, result) = try importTar(builder.finished, memoryBytesMax: 20_000)
        #expect(small.manifest == large.manifest)
        #expect(small.manifest.links != nil)
        #expect(result.fileCount == 3000)
        #expect(try small.linkGroups().count == 1000)
    }

    // MARK: Hard links

    @Test func `every name of a hard link has its file's entry`() throws {
        let (tree, result) = try importTar { builder in
            builder.add("b/file", .file, bytes("content")) {
                $0.mode = 0o4711
                $0.attributes = [SourceAttribute(name: bytes("user.a"), value: bytes("1"))]
            }
            builder.link("a", to: "./b/file")
            builder.link("c", to: "/b/file")
            // A link to a link, and one of those.
            builder.link("d", to: "c")
            builder.link("b/e", to: "d")
            builder.add("link", .symbolicLink) { $0.linkName = bytes("t") }
            builder.link("other", to: "link")
        }
        let file = try tree.entry("b/file")
        for path in ["a", "c", "d", "b/e"] {
            let entry = try tree.entry(path)
            #expect(entry.metadata == file.metadata)
            #expect(entry.node == file.node)
        }
        #expect(try tree.linkGroups() == [["a", "b/e", "b/file", "c", "d"], ["link", "other"]])
        #expect(result.fileCount == 5)
        #expect(result.logicalBytes == 35)
    }

    @Test func `a link is what its target was when it came`() throws {
        let (tree, _) = try importTar { builder in
            builder.add("a", .file, bytes("old"))
            builder.link("b", to: "a")
            builder.add("a", .file, bytes("new"))
            builder.link("c", to: "a")
            builder.link("d", to: "b")
        }
        #expect(try ["a", "b", "c", "d"].map { try tree.bytes($0) } == ["new", "old", "new", "old"].map(bytes))
        #expect(try tree.linkGroups() == [["a", "c"], ["b", "d"]])
    }

    @Test func `a link may be replaced, and replace what it is`() throws {
        let (tree, _) = try importTar { builder in
            builder.add("a", .file, bytes("x"))
            builder.link("b", to: "a")
            builder.add("b", .file, bytes("y"))
            builder.link("a", to: "a")
        }
        #expect(try tree.bytes("a") == bytes("x"))
        #expect(try tree.bytes("b") == bytes("y"))
        #expect(try tree.linkGroups().isEmpty)
    }

    @Test func `links to nothing, to directories, and out of the root are refused`() throws {
        let cases: [(inout TarBuilder) -> Void] = [
            { $0.link("a", to: "missing") },
            { $0.link("a", to: "a") },
            { $0.link("a", to: "../etc/passwd") },
            { $0.link("a", to: "") },
            {
                $0.link("a", to: "later")
                $0.add("later")
            },
            {
                $0.add("d", .directory)
                $0.link("a", to: "d")
            },
            {
                $0.add("./", .directory)
                $0.link("a", to: "./")
            },
        ]
        for (index, build) in cases.enumerated() {
            let error = importFailure(#_sourceLocation, build)
            #expect(error?.code == .invalid, "case \(index)")
            #expect(error?.message.contains("hard link") == true, "case \(index): \(error?.message ?? "")")
        }
    }

    @Test func `links to links are followed only so far`() throws {
        func chain(_ depth: Int) -> [UInt8] {
            var builder = TarBuilder()
            builder.add("n0", .file, bytes("x"))
            for index in 1...depth { builder.link("n\(index)", to: "n\(index - 1)") }
            return builder.finished
        }
        #expect(try importTar(chain(32)).0.linkGroups().first?.count == 33)
        #expect(importFailure(chain(33))?.code == .invalid)
    }

    // MARK: What cannot be

    @Test(arguments: ["../a", "a/../../b", "a\0b", "..", "/../x"])
    func `paths that leave the root are refused`(path: String) throws {
        let error = importFailure { builder in
            builder.addSpecial(.extended, TarPaxRecord("path", bytes(path)).encode())
            builder.add(TarHeader(name: bytes("x"), type: .file))
        }
        #expect(error?.code == .invalid)
        #expect(error?.message.contains(escaped(bytes(path))) == true)
    }

    @Test func `messages about long names have an end`() throws {
        let name = String(repeating: "\u{1b}", count: 1 << 20)
        for records in [[("path", name)], [("path", "a"), ("linkpath", name)], [("uid", name)], [("mtime", name)]] {
            let error = importFailure { builder in
                builder.addPax(records)
                builder.add(TarHeader(name: bytes("x"), type: records.count == 2 ? .hardLink : .file))
            }
            #expect((error?.message.utf8.count ?? .max) < 4000)
        }
    }

    @Test func `a member without a name is refused`() throws {
        #expect(importFailure { $0.add(TarHeader(name: [], type: .file)) }?.code == .invalid)
    }

    @Test func `names over 255 bytes and targets over 4095 are refused`() throws {
        func archive(_ name: Int, _ target: Int) -> [UInt8] {
            var builder = TarBuilder()
            builder.add([UInt8](repeating: 0x78, count: name), .symbolicLink) {
                $0.linkName = [UInt8](repeating: 0x79, count: target)
            }
            return builder.finished
        }
        #expect(try importTar(archive(255, 4095)).1.counts.entries == 2)
        #expect(importFailure(archive(256, 1))?.code == .invalid)
        #expect(importFailure(archive(1, 4096))?.code == .invalid)
        #expect(importFailure(archive(1, 0))?.code == .invalid)
    }

    @Test(arguments: [TarType.file, .symbolicLink, .fifo, .hardLink])
    func `what lies below something else than a directory is refused`(type: TarType) throws {
        for isFirst in [true, false] {
            let error = importFailure { builder in
                builder.add("t")
                let child = { (builder: inout TarBuilder) in builder.add("a/b/c") }
                if !isFirst { child(&builder) }
                builder.add("a", type) { $0.linkName = bytes("t") }
                builder.add("a.b")
                if isFirst { child(&builder) }
            }
            #expect(error?.code == .invalid)
            #expect(error?.message.contains("a/b/c") == true)
        }
    }

    @Test func `the root is a directory`() throws {
        for type in [TarType.file, .symbolicLink, .hardLink] {
            #expect(
                importFailure { builder in
                    builder.add("t")
                    builder.add("./.", type) { $0.linkName = bytes("t") }
                }?.code == .invalid)
        }
    }

    @Test func `attributes that no entry holds are refused`() throws {
        func archive(_ sizes: [Int]) -> [UInt8] {
            var builder = TarBuilder()
            builder.add("a") { member in
                member.attributes = sizes.enumerated().map { index, size in
                    SourceAttribute(name: bytes("user.a\(index)"), value: patternBytes(size))
                }
            }
            return builder.finished
        }
        #expect(try importTar(archive([65_536])).1.warnings.isEmpty)
        #expect(importFailure(archive([65_537]))?.code == .invalid)
        #expect(importFailure(archive([Int](repeating: 1024, count: 130)))?.code == .invalid)
    }

    @Test func `nothing is committed of an archive that is refused`() throws {
        let fixture = TemporaryDirectory(in: "/dev/shm")
        let store = try Store.open(path: fixture.file("store"), create: true)
        defer { store.close() }
        let session = try store.beginSession(.import, org: "local")
        var builder = TarBuilder()
        builder.add("a", .file, patternBytes(200_000))
        builder.add("../b")
        #expect(throws: StoreError.self) {
            try TarImport(sink: SessionSink(session, org: "local"), scratch: scratchFile)
                .run(read: piecewise(builder.finished))
        }
        session.end()
        #expect(try store.snapshots(org: "local", name: nil).isEmpty)
        #expect(try store.statistics().objects == 0)
    }

    // MARK: Metadata

    @Test func `access control lists come from their texts, with the accounts of this machine`() throws {
        let directory = TemporaryDirectory(in: "/dev/shm")
        try directory.file("passwd").write(bytes("root:x:0:0::/:/bin/sh\nalice:x:1001:5::/:\nalice:x:7:7::/:\n"))
        try directory.file("group").write(bytes("staff:x:50:\n"))
        let accounts = TarAccounts(users: directory.file("passwd"), groups: directory.file("group"))
        var builder = TarBuilder()
        builder.add("a") {
            $0.accessList = bytes("user::rw-\nuser:alice:r--\ngroup:staff:r--\ngroup::r--\nmask::r--\nother::---\n")
        }
        builder.add("d", .directory) { $0.defaultList = bytes("user::rwx,group::r-x,other::r-x") }
        // GNU tar writes such a list for every file.
        builder.add("plain") { $0.accessList = bytes("user::rw-\ngroup::r--\nother::r--\n") }
        builder.add("stranger") {
            $0.accessList = bytes("user::rw-,user:nobody-knows:r--,group::r--,mask::r--,other::r--")
        }
        builder.add("broken") { $0.accessList = bytes("what?") }
        let (tree, result) = try importTar(builder.finished, accounts: accounts)
        let attribute = try #require(try tree.entry("a").metadata.attributes.first)
        #expect(attribute.name == bytes("system.posix_acl_access"))
        let number = { (value: Int) in (0..<4).map { UInt8(value >> ($0 * 8) & 255) } }
        let value: [UInt8] =
            [2, 0, 0, 0]
            + [
                (1, 6, 0xffff_ffff), (2, 4, 1001), (4, 4, 0xffff_ffff), (8, 4, 50), (16, 4, 0xffff_ffff),
                (32, 0, 0xffff_ffff),
            ]
            .flatMap { (tag: Int, bits: Int, id: Int) in [UInt8(tag), 0, UInt8(bits), 0] + number(id) }
        #expect(attribute.value == .inline(value))
        #expect(try tree.entry("d").metadata.attributes.map(\.name) == [bytes("system.posix_acl_default")])
        #expect(try tree.entry("plain").metadata.attributes.isEmpty)
        #expect(result.warnings.kept.map(\.path) == [bytes("stranger"), bytes("broken")])
    }

    @Test(
        arguments: [
            ("user::rw-,user:5:rwx,group::---,mask::r-x,other::--x", 0o4651),
            ("user::rw-,group::r--,other::r--", 0o4644),
            ("user::rw-,user:5:rwx,mask::rwx", 0o4777),
        ] as [(String, UInt16)])
    func `permissions are those that a file with its list has`(text: String, mode: UInt16) throws {
        // libarchive says the group's own, where the kernel shows the mask; and a list that lacks parts decides nothing.
        let (tree, _) = try importTar { builder in
            builder.add("a") {
                $0.mode = text.contains("other") ? 0o4644 : 0o4777
                $0.accessList = bytes(text)
            }
        }
        #expect(try tree.entry("a").metadata.mode == mode)
    }

    @Test func `attributes of other systems are counted, labels of SELinux get their end back`() throws {
        let (tree, result) = try importTar { builder in
            builder.addPax([
                ("SCHILY.xattr.com.apple.quarantine", "x"), ("RHT.security.selinux", "system_u:object_r:bin_t:s0"),
            ])
            builder.add(TarHeader(name: bytes("a"), type: .file))
        }
        #expect(
            try tree.entry("a").metadata.attributes == [
                ExtendedAttribute(
                    name: bytes("security.selinux"), value: .inline(bytes("system_u:object_r:bin_t:s0\0")))
            ])
        #expect(result.counts.foreignAttributes == 1)
        #expect(result.notices.contains { $0.contains("extended attributes") })
    }

    @Test func `equal bytes are cut alike, as zeros or as holes`() throws {
        let zeros = [UInt8](repeating: 0, count: 200_704)
        let data = patternBytes(300_000, seed: 4)
        let (tree, _) = try importTar { builder in
            builder.add("plain", .file, data + zeros + data)
            let map = Array("2\n0\n300000\n500704\n300000\n".utf8)
            builder.add("sparse", .file, map + [UInt8](repeating: 0, count: 512 - map.count) + data + data) {
                $0.isSparse = true
                $0.size = 800_704
            }
        }
        #expect(try tree.content("plain") == tree.content("sparse"))
        #expect(try tree.content("plain").length == 800_704)
    }

    /// Two million members at scale 20.
    @Test func `an archive of any number of members takes the memory of a small one`() throws {
        let count = 100_000 * TestScale.factor
        var next = 0
        var piece: [UInt8] = []
        // Made as it is read, so that it is nowhere as a whole.
        let read = { (buffer: UnsafeMutableRawBufferPointer) -> Int in
            if piece.isEmpty, next < count {
                var builder = TarBuilder()
                while next < count, builder.bytes.count < 200_000 {
                    let name = "d\(next % 100)/f\(next)"
                    if next % 4 == 3 {
                        builder.link(name, to: "d\((next - 1) % 100)/f\(next - 1)")
                    } else {
                        builder.add(name)
                    }
                    next += 1
                }
                piece = next < count ? builder.bytes : builder.finished
            }
            let taken = min(buffer.count, piece.count)
            buffer.copyBytes(from: piece[..<taken])
            piece.removeFirst(taken)
            return taken
        }
        let before = Kernel.residentMemoryBytes()
        let result = try TarImport(sink: CountingSink(), memoryBytesMax: 1 << 20, scratch: scratchFile).run(read: read)
        let after = Kernel.residentMemoryBytes()
        print("import of \(count) members: \(before >> 10) KiB before, \(after >> 10) KiB after")
        #expect(result.fileCount == UInt64(count))
        // Other tests may run in this process, too.
        #expect(after < before + 128 << 20)
    }

    @Test func `a hole of 2^60 bytes costs nothing`() throws {
        let (tree, result) = try importTar { builder in
            builder.addPax([("GNU.sparse.size", "1152921504606846976"), ("GNU.sparse.map", "1152921504606846976,0")])
            builder.add(TarHeader(name: bytes("a"), type: .file))
        }
        #expect(try tree.content("a").length == 1 << 60)
        #expect(result.chunkCount == 0)
    }
}
