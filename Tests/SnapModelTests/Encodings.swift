import SnapDigest
import SnapModel
import Testing

/// One format: a small value that uses all of it, and decoding with encoding again.
struct Encoding: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Canonical bytes.
    let sample: [UInt8]
    /// Decodes, and gives what an encoder makes of the value; throws for bytes that are no such encoding.
    let reencode: @Sendable ([UInt8]) throws -> [UInt8]

    static let all: [Encoding] = (try? make()) ?? []

    private static func make() throws -> [Encoding] {
        try [
            Encoding(testDescription: "directory", sample: TreeNode.entries(entries()).encode(), reencode: recodeTree),
            Encoding(
                testDescription: "index", sample: TreeNode.index(level: 3, index()).encode(), reencode: recodeTree),
            Encoding(testDescription: "root", sample: RootNode.encode(entries()[1]), reencode: recodeRoot),
            Encoding(testDescription: "list", sample: ListNode.segments(segments()).encode(), reencode: recodeList),
            Encoding(
                testDescription: "list of lists",
                sample: ListNode.children(
                    level: 7,
                    [
                        ListNode.Child(size: 1, digest: digest("a")),
                        ListNode.Child(size: 1 << 60, digest: digest("b")),
                    ]
                ).encode(), reencode: recodeList),
            Encoding(testDescription: "manifest", sample: manifest().encode(), reencode: recodeManifest),
            Encoding(testDescription: "record", sample: record().encode(), reencode: recodeRecord),
            Encoding(testDescription: "link table", sample: linkTable(), reencode: recodeLinkTable),
        ]
    }

    /// One entry of each type.
    private static func entries() throws -> [Entry] {
        let attributes = try [
            ExtendedAttribute(name: Array("security.x".utf8), value: .inline([0, 255])),
            ExtendedAttribute(
                name: Array("system.posix_acl_access".utf8),
                value: .inline([2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255])),
            ExtendedAttribute(name: Array("user.y".utf8), value: .chunk(digest("y"), size: 1025)),
        ]
        func entry(_ name: String, _ node: Node, mode: UInt16 = 0o6755) -> Entry {
            Entry(
                name: Array(name.utf8),
                metadata: .plain(
                    mode: mode, uid: 70_000, gid: 1, seconds: -5, nanoseconds: 999_999_999,
                    attributes: name == "b" ? attributes : []), node: node)
        }
        let segments: [Segment] = [.zeros(size: 65_536), .data(try digest("c"), size: 300)]
        return try [
            entry("a", .file(Content(cut: .contentDefined, length: 3, body: .inline([1, 2, 3])))),
            entry("b", .file(Content(cut: .pages, length: 65_836, body: .segments(segments)))),
            entry("c", .file(Content(cut: .contentDefined, length: 1 << 40, body: .list(digest("l"))))),
            entry("d", .directory(digest("d"))),
            entry("e", .symbolicLink(Array("../x".utf8)), mode: 0o777),
            entry("f", .characterDevice(major: 4, minor: 300)),
            entry("g", .blockDevice(major: 259, minor: 0)), entry("h", .fifo), entry("i", .socket),
        ]
    }

    private static func index() throws -> [TreeIndexItem] {
        try [
            TreeIndexItem(last: Array("m".utf8), digest: digest("a")),
            TreeIndexItem(last: [0xff, 0xfe], digest: digest("b")),
        ]
    }

    private static func segments() throws -> [Segment] {
        try [.zeros(size: 1 << 40), .data(digest("a"), size: 1), .data(digest("b"), size: 1 << 20), .zeros(size: 1)]
    }

    private static func manifest() throws -> Manifest {
        var manifest = Manifest(kind: .checkpoint, root: try digest("root"))
        manifest.config.entrypoint = [Array("/é\"\\".utf8)]
        manifest.config.environment = [.init(name: Array("A".utf8), value: [0xff]), .init(name: [1], value: [])]
        manifest.links = Manifest.Links(length: 1 << 53, list: try digest("links"))
        manifest.platform = Manifest.Platform(architecture: "arm64", os: "linux")
        manifest.checkpoint = Manifest.Checkpoint(payload: try digest("payload"))
        manifest.checkpoint?.cpu = "x"
        return manifest
    }

    private static func record() throws -> RecordObject {
        RecordObject(
            id: [UInt8](0..<16), org: "local", name: "a.b-c", tag: "V1", manifest: try digest("m"),
            createdMilliseconds: 1 << 53, creator: "me\n",
            labels: [.init(key: "a/b", value: "1"), .init(key: "c", value: "")],
            parent: [UInt8](repeating: 0xab, count: 16), visibility: .public)
    }

    private static func linkTable() throws -> [UInt8] {
        try [["a", "b/c", "d"], ["b/a", "b/b"]].flatMap { paths in
            try LinkGroup(paths: paths.map { Array($0.utf8) }).encode()
        }
    }
}

private func recodeTree(_ bytes: [UInt8]) throws -> [UInt8] { try TreeNode.decode(bytes).encode() }
private func recodeRoot(_ bytes: [UInt8]) throws -> [UInt8] { try RootNode.encode(RootNode.decode(bytes)) }
private func recodeList(_ bytes: [UInt8]) throws -> [UInt8] { try ListNode.decode(bytes).encode() }
private func recodeManifest(_ bytes: [UInt8]) throws -> [UInt8] { try Manifest.decode(bytes).encode() }
private func recodeRecord(_ bytes: [UInt8]) throws -> [UInt8] { try RecordObject.decode(bytes).encode() }

private func recodeLinkTable(_ bytes: [UInt8]) throws -> [UInt8] {
    var reader = LinkTableReader()
    reader.append(bytes)
    var encoded: [UInt8] = []
    while let group = try reader.next() { encoded += try group.encode() }
    try reader.end()
    return encoded
}
