import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// What a tree becomes in an archive.
@Suite struct TarExportTests {
    private static let time = Timestamp(seconds: 1_700_000_000, nanoseconds: 5)

    /// A tree put together from entries, with a link table.
    private struct Made {
        let sink = MemorySink()
        private let hasher: SHA256

        init() throws { hasher = try SHA256() }

        func put(_ kind: ObjectKind, _ bytes: [UInt8]) throws -> Digest {
            let digest = hasher.digest(bytes)
            try bytes.withUnsafeBytes { try sink.put(ObjectKey(kind, digest), $0) }
            return digest
        }

        func directory(_ entries: [Entry]) throws -> Node {
            var builder = TreeBuilder { kind, bytes in try put(kind, bytes) }
            for entry in entries { try builder.append(entry) }
            return .directory(try builder.finish())
        }

        func entry(_ name: String, _ node: Node, mode: UInt16 = 0o644) -> Entry {
            Entry(
                name: Array(name.utf8), metadata: Metadata(mode: mode, uid: 1, gid: 2, modified: TarExportTests.time),
                node: node)
        }

        func file(_ text: String) -> Node {
            .file(Content(cut: .contentDefined, length: UInt64(text.utf8.count), body: .inline(Array(text.utf8))))
        }

        func content(_ segments: [(bytes: [UInt8]?, size: UInt64)]) throws -> Content {
            var list = ListBuilder(cut: .contentDefined) { kind, bytes in try put(kind, bytes) }
            for segment in segments {
                if let bytes = segment.bytes {
                    try list.append(.data(try put(.chunk, bytes), size: UInt32(bytes.count)))
                } else {
                    try list.append(.zeros(size: segment.size))
                }
            }
            return try list.finish()
        }

        func manifest(_ entries: [Entry], groups: [[String]] = [], kind: Manifest.Kind = .directory) throws -> Digest {
            let root = entry("", try directory(entries), mode: 0o755)
            return try manifest(root: root, groups: groups, kind: kind)
        }

        func manifest(root: Entry, groups: [[String]] = [], kind: Manifest.Kind = .directory) throws -> Digest {
            var manifest = Manifest(kind: kind, root: try put(.tree, try RootNode.encode(root)))
            if !groups.isEmpty {
                let table = try groups.flatMap { try LinkGroup(paths: $0.map { Array($0.utf8) }).encode() }
                var list = ListBuilder(cut: .contentDefined) { kind, bytes in try put(kind, bytes) }
                try list.append(.data(try put(.chunk, table), size: UInt32(table.count)))
                manifest.links = Manifest.Links(length: UInt64(table.count), list: try list.finishList())
            }
            return try put(.manifest, try manifest.encode())
        }
    }

    @Test func `members stand in the order of a walk, directories first`() throws {
        let made = try Made()
        let inner = try made.directory([made.entry("x", made.file("1"))])
        let manifest = try made.manifest([
            made.entry("a", inner), made.entry("a.b", made.file("2")),
            made.entry("b", .symbolicLink(Array("a".utf8)), mode: 0o777),
        ])
        let (archive, result) = try exportTar(made.sink, manifest)
        let members = try readTar(archive)
        #expect(
            members.map { String(decoding: $0.member.path, as: UTF8.self) } == ["./", "./a/", "./a/x", "./a.b", "./b"])
        #expect(members.allSatisfy { $0.member.modified == Self.time && $0.member.uid == 1 && $0.member.gid == 2 })
        #expect(members[2].bytes == Array("1".utf8))
        #expect(members[4].member.linkName == Array("a".utf8))
        #expect(result.entryCount == 5)
        #expect(result.bytes == UInt64(archive.count))
        #expect(archive.count % 10_240 == 0)
        #expect(archive.suffix(1024).allSatisfy { $0 == 0 })
        #expect(try exportTar(made.sink, manifest).0 == archive)
    }

    @Test func `sockets are left out and named`() throws {
        let made = try Made()
        let manifest = try made.manifest(
            [made.entry("a", .socket), made.entry("b", .fifo), made.entry("c", .socket)], groups: [["a", "c"]])
        let (archive, result) = try exportTar(made.sink, manifest)
        #expect(try readTar(archive).map(\.member.path) == [Array("./".utf8), Array("./b".utf8)])
        #expect(result.warnings.kept.map(\.path) == [Array("a".utf8), Array("c".utf8)])
        #expect(result.warnings.kept.allSatisfy { $0.code == .unsupported })
        #expect(result.entryCount == 2)
    }

    @Test func `the first name of a group in the walk is the file, the others link to it`() throws {
        let made = try Made()
        let inner = try made.directory([made.entry("x", made.file("1"))])
        // By bytes of the path "a.b" comes first, in the walk "a/x".
        let manifest = try made.manifest(
            [made.entry("a", inner), made.entry("a.b", made.file("1")), made.entry("c", made.file("1"))],
            groups: [["a.b", "a/x", "c"]])
        let (archive, _) = try exportTar(made.sink, manifest)
        let members = try readTar(archive)
        #expect(members.map(\.member.type) == [.directory, .directory, .file, .hardLink, .hardLink])
        #expect(members.suffix(2).allSatisfy { $0.member.linkName == Array("./a/x".utf8) && $0.member.size == 0 })
        let (tree, _) = try importTar(archive)
        #expect(try tree.manifest.encode() == made.sink.load(ObjectKey(.manifest, manifest)))
    }

    @Test(arguments: [[["a", "missing"]], [["a", "d"]], [["a", "c"]], [["a", "b"], ["b", "c"]], [["", "a"]]])
    func `a link table that lies is corrupt`(groups: [[String]]) throws {
        let made = try Made()
        let empty = try made.directory([])
        let entries = [
            made.entry("a", made.file("1")), made.entry("b", made.file("1")), made.entry("c", made.file("2")),
            made.entry("d", empty),
        ]
        guard let manifest = try? made.manifest(entries, groups: groups) else {
            // A path that no table can even name.
            #expect(groups == [["", "a"]])
            return
        }
        let error = #expect(throws: StoreError.self) { try exportTar(made.sink, manifest) }
        #expect(error?.code == .corrupt)
    }

    @Test func `holes are left out at whole blocks, as they are found`() throws {
        let made = try Made()
        let data = patternBytes(1000)
        // Zero segments of other programs need not lie at blocks; small ones are written out.
        let contents: [[(bytes: [UInt8]?, size: UInt64)]] = [
            [(nil, 100_000)], [(data, 0), (nil, 100_000)], [(nil, 100_000), (data, 0)],
            [(data, 0), (nil, 100_000), (data, 0), (nil, 3), (data, 0), (nil, 511)],
            [(nil, 1), (nil, 600), (data, 0), (nil, 70_000), (nil, 70_000), (data, 0)],
            [(data, 0), (nil, 24), (nil, 512), (data, 0)], [(nil, 512), (data, 0), (nil, 24)],
        ]
        let entries = try contents.enumerated().map { index, segments in
            made.entry("f\(index)", .file(try made.content(segments)))
        }
        let (archive, _) = try exportTar(made.sink, try made.manifest(entries))
        let members = try readTar(archive).dropFirst()
        for (member, segments) in zip(members, contents) {
            let expected = segments.flatMap { $0.bytes ?? [UInt8](repeating: 0, count: Int($0.size)) }
            #expect(member.member.isSparse)
            #expect(member.member.size == UInt64(expected.count))
            #expect(member.bytes == expected)
        }
        #expect(archive.count < 40_000)
    }

    @Test func `a sparse file of 100 GB takes the room of its data`() throws {
        let made = try Made()
        let data = patternBytes(4096)
        let segments = (0..<100).flatMap { _ in
            [(data, 0), (nil, (1 << 30) - 4096)] as [(bytes: [UInt8]?, size: UInt64)]
        }
        let content = try made.content(segments)
        let manifest = try made.manifest([made.entry("image", .file(content))])
        let (archive, result) = try exportTar(made.sink, manifest)
        #expect(result.bytes < 450_000)
        let (tree, _) = try importTar(archive)
        #expect(try tree.content("image") == content)
    }

    @Test func `what is no directory has the name that a restore gives it`() throws {
        let made = try Made()
        let manifest = try made.manifest(root: made.entry("", made.file("disk")), kind: .filesystem)
        let (archive, result) = try exportTar(made.sink, manifest)
        #expect(try readTar(archive).map(\.bytes) == [Array("disk".utf8)])
        #expect(try readTar(archive).map(\.member.path) == [Array("./image".utf8)])
        #expect(result.notices.count == 1)
    }

    @Test func `attributes that are no proper lists are kept as they are`() throws {
        let made = try Made()
        let odd: [UInt8] = [2, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9]
        var entry = made.entry("a", made.file("1"))
        entry.metadata.attributes = [
            ExtendedAttribute(name: Array("system.posix_acl_access".utf8), value: .inline(odd)),
            ExtendedAttribute(
                name: Array("user.large".utf8), value: .chunk(try made.put(.chunk, patternBytes(2000)), size: 2000)),
        ]
        let manifest = try made.manifest([entry])
        let (archive, _) = try exportTar(made.sink, manifest)
        #expect(
            try importTar(archive).0.manifest.root
                == Manifest.decode(made.sink.load(ObjectKey(.manifest, manifest))).root)
    }

    @Test func `a tree of any depth and width comes back`() throws {
        let made = try Made()
        var node = try made.directory([])
        for _ in 0..<3000 { node = try made.directory([made.entry("d", node)]) }
        let wide = try made.directory((10_000..<13_000).map { made.entry("f\($0)", made.file("\($0)")) })
        let manifest = try made.manifest([made.entry("deep", node), made.entry("wide", wide)])
        let (archive, result) = try exportTar(made.sink, manifest)
        #expect(result.entryCount == 6003)
        #expect(try importTar(archive).1.manifest == manifest)
    }
}
