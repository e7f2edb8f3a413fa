import SnapDigest
import SnapModel
import SnapTrees
import Testing

/// Link tables as snapshots have them: a list of chunks.
@Suite struct LinkTableCursorTests {
    private static let groups = [
        LinkGroup(paths: (1000..<1800).map { Array("directory/\($0)".utf8) }),
        LinkGroup(paths: [Array("x".utf8), Array("y".utf8)]),
    ]

    /// What a table says that is cut into chunks of these sizes, the rest in the last; each is said to have `more` bytes
    /// than it has.
    private func read(cut sizes: [Int], more: UInt32 = 0) throws -> [LinkGroup] {
        let table = try Self.groups.flatMap { try $0.encode() }
        let hasher = try SHA256()
        var objects: [ObjectKey: [UInt8]] = [:]
        let put = { (kind: ObjectKind, bytes: [UInt8]) -> Digest in
            let digest = hasher.digest(bytes)
            objects[ObjectKey(kind, digest)] = bytes
            return digest
        }
        var list = ListBuilder(cut: .contentDefined, emit: put)
        var length: UInt64 = 0
        var rest = table[...]
        for size in sizes + [.max] where !rest.isEmpty {
            let chunk = Array(rest.prefix(size))
            rest = rest.dropFirst(chunk.count)
            try list.append(.data(put(.chunk, chunk), size: UInt32(chunk.count) + more))
            length += UInt64(chunk.count) + UInt64(more)
        }
        let links = Manifest.Links(length: length, list: try list.finishList())
        var cursor = try LinkTableCursor(links, load: { try #require(objects[$0]) })
        var found: [LinkGroup] = []
        while let group = try cursor.next() { found.append(group) }
        return found
    }

    @Test(arguments: [[], [4096], [4096, 4096], [4096, 5000], [11_000]]) func chunksOfAnAllowedSize(_ sizes: [Int])
        throws
    {
        #expect(try read(cut: sizes) == Self.groups)
    }

    /// A list can name a chunk as often as it likes: were they short, a table of a few bytes would take for ever.
    @Test(arguments: [[4095], [1], [4096, 4095], [4096, 4096, 1]]) func onlyTheLastMayBeShort(_ sizes: [Int]) {
        let error = #expect(throws: FormatError.self) { try read(cut: sizes) }
        #expect(error?.code == .notCanonical)
    }

    @Test func chunksOfAnotherLength() {
        #expect(throws: FormatError.self) { try read(cut: [4096], more: 1) }
    }

    @Test func noTable() throws {
        var cursor = try LinkTableCursor(nil, load: { _ in [] })
        #expect(try cursor.next() == nil)
    }
}
