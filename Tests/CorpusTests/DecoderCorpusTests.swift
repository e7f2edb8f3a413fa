import SnapDigest
import SnapModel
import SnapPacks
import SnapTrees
import Testing

/// Each decoder answers each file of its kind with the error that the index names, and what it accepts it writes again
/// byte by byte.
@Suite struct DecoderCorpusTests {
    private static let kinds = [
        "tree", "list", "links", "manifest", "record", "frame", "pack", "reference", "environment", "exclude",
    ]

    @Test(arguments: kinds) func eachFileIsAnsweredByName(_ kind: String) throws {
        for file in try CorpusCase.of(kind) {
            let bytes = try file.bytes()
            #expect(code { try decode(kind, bytes) } == file.code, "\(file.testDescription)")
        }
    }

    /// What is whole is refused when it is cut, wherever that is, and when something follows.
    @Test(arguments: ["tree", "list", "links", "manifest", "record", "frame", "pack"])
    func noBeginningOfAFileIsOne(_ kind: String) throws {
        let good = try #require(try CorpusCase.of(kind).first { $0.why == "good" }).bytes()
        #expect(code { try decode(kind, good) } == "ok")
        // A stream of groups may end before the first one.
        for count in (kind == "links" ? 1 : 0)..<good.count {
            #expect(code { try decode(kind, Array(good[..<count])) } != "ok", "the first \(count) bytes")
        }
        for tail: [UInt8] in [[0], [0x0a], [0xff], good] where !(kind == "links" && tail == good) {
            #expect(code { try decode(kind, good + tail) } != "ok", "\(tail.count) bytes after it")
        }
    }

    private func decode(_ kind: String, _ bytes: [UInt8]) throws {
        switch kind {
        case "tree": try expectSame(bytes, TreeNode.decode(bytes).encode())
        case "list": try expectSame(bytes, ListNode.decode(bytes).encode())
        case "manifest": try expectSame(bytes, Manifest.decode(bytes).encode())
        case "record": try expectSame(bytes, RecordObject.decode(bytes).encode())
        case "links": try expectSame(bytes, recodedLinks(bytes))
        case "frame": try decodeFrame(bytes)
        case "pack":
            let backend = MemoryPackBackend()
            let id = PackID()
            backend.put(scope: "corpus", id: id, bytes)
            _ = try PackIndex.read(backend: backend, scope: "corpus", id: id)
        case "reference":
            let text = try #require(String(validating: bytes, as: UTF8.self))
            _ = try Reference.parse(text)
        case "environment":
            var list = EnvironmentList()
            try list.add(file: bytes)
        case "exclude":
            let patterns = ExcludePatterns(lines: bytes.split(separator: 10).map { Array($0) })
            let name = [UInt8](repeating: UInt8(ascii: "a"), count: 200)
            let path = Array([[UInt8]](repeating: [UInt8(ascii: "a")], count: 200).joined(separator: [47]))
            #expect(!patterns.excludes(name, isDirectory: true))
            #expect(!patterns.excludes(path, isDirectory: true))
        default: Issue.record("no decoder for \(kind)")
        }
    }

    private func expectSame(_ bytes: [UInt8], _ again: [UInt8]) { #expect(again == bytes) }

    private func recodedLinks(_ bytes: [UInt8]) throws -> [UInt8] {
        var reader = LinkTableReader()
        reader.append(bytes)
        var again: [UInt8] = []
        while let group = try reader.next() { again += try group.encode() }
        try reader.end()
        return again
    }

    /// Its raw length in four bytes, then what is stored; the check is right.
    private func decodeFrame(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes, "corpus file")
        let raw = try reader.fixed(UInt32.self)
        let stored = try reader.raw(reader.remaining)
        let info = FrameInfo(
            offset: 16, storedBytes: UInt32(stored.count), rawBytes: raw, codec: .zstd,
            check: Array(try SHA256().digest(stored).bytes.prefix(FrameInfo.checkBytes)))
        #expect(try FrameDecoder().decode(stored, info).count == Int(raw))
    }
}
