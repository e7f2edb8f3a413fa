import SnapCore
import SnapDigest
import SnapModel

extension StoreFixture {
    /// The files of a snapshot, read whole.
    func files(of record: SnapshotRecord) throws -> [String: [UInt8]] {
        try Self.files(of: record.manifest, store.reader(org: org))
    }

    /// The bytes of every file of a snapshot.
    static func files(of manifest: Digest, _ reader: ObjectReader) throws -> [String: [UInt8]] {
        let load: ObjectLoader = { try reader.read($0) }
        var files: [String: [UInt8]] = [:]
        var cursor = try TreeCursor(root: try top(of: manifest, load), load: load)
        while let entry = try cursor.next() {
            guard case .file(let content) = entry.node else { continue }
            files[String(decoding: entry.name, as: UTF8.self)] = try bytes(of: content, load)
        }
        return files
    }

    /// The bytes of one file; nil when it is not there.
    static func file(_ name: String, of manifest: Digest, _ reader: ObjectReader) throws -> [UInt8]? {
        let load: ObjectLoader = { try reader.read($0) }
        let entry = try lookUp(name: Array(name.utf8), inTree: try top(of: manifest, load), load: load)
        guard case .file(let content) = entry?.node else { return nil }
        return try bytes(of: content, load)
    }

    private static func top(of manifest: Digest, _ load: ObjectLoader) throws -> Digest {
        let manifest = try Manifest.decode(load(ObjectKey(.manifest, manifest)))
        let root = try RootNode.decode(load(ObjectKey(.tree, manifest.root)))
        guard case .directory(let tree) = root.node else { throw StoreError(.corrupt, "The root is no directory.") }
        return tree
    }

    private static func bytes(of content: Content, _ load: @escaping ObjectLoader) throws -> [UInt8] {
        if case .inline(let bytes) = content.body { return bytes }
        var cursor = try SegmentCursor(content, load: load)
        var bytes: [UInt8] = []
        while let segment = try cursor.next() {
            switch segment {
            case .data(let digest, _): bytes += try load(ObjectKey(.chunk, digest))
            case .zeros(let size): bytes += [UInt8](repeating: 0, count: Int(size))
            }
        }
        return bytes
    }
}
