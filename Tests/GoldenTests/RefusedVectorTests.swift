import SnapModel
import SnapPacks
import Testing

/// Encodings one step away from good ones, which every decoder must refuse.
@Suite struct RefusedVectorTests {
    @Test func eachIsRefused() throws {
        for vector in try Vectors.all.get().refused {
            let bytes = build(vector.pieces)
            #expect(throws: (any Error).self, "\(vector.kind): \(vector.why)") {
                try decode(vector.kind, bytes)
            }
        }
    }

    func decode(_ kind: String, _ bytes: [UInt8]) throws {
        switch kind {
        case "entry":
            var reader = ByteReader(bytes, "entry")
            _ = try Entry.decode(from: &reader, isRoot: false)
            try reader.end()
        case "root": _ = try RootNode.decode(bytes)
        case "tree": _ = try TreeNode.decode(bytes)
        case "list": _ = try SnapModel.ListNode.decode(bytes)
        case "links":
            var reader = LinkTableReader()
            reader.append(bytes)
            while try reader.next() != nil {}
            try reader.end()
        case "manifest": _ = try Manifest.decode(bytes)
        case "record": _ = try RecordObject.decode(bytes)
        case "pack":
            _ = try PackIndex.read(backend: OnePack(bytes: bytes), scope: "local", id: PackID())
        default: Issue.record("no decoder for \(kind)")
        }
    }
}
