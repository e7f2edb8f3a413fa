package import SnapCore
package import SnapModel

/// The tree of one snapshot, to look into.
package struct SnapshotTree {
    package let manifest: Manifest
    /// The top: usually a directory.
    package let root: Entry
    package let load: SharedObjectLoader

    package init(_ snapshot: SnapshotRecord, reader: ObjectReader) throws(StoreError) {
        let load: SharedObjectLoader = { try reader.read($0) }
        self.load = load
        (manifest, root) = try StoreError.mapped {
            let manifest = try Manifest.decode(load(ObjectKey(.manifest, snapshot.manifest)))
            return (manifest, try RootNode.decode(load(ObjectKey(.tree, manifest.root))))
        }
    }

    /// A path in a snapshot as people type it, without what says nothing: a leading, doubled or last `/`, and `.`.
    package static func plain(_ path: [UInt8]) -> [UInt8] {
        Array(path.split(separator: 47).filter { !$0.elementsEqual([46]) }.joined(separator: [47]))
    }

    /// The entry at a path: names joined by `/`, a leading one allowed, empty for the top.
    ///
    /// - Throws: ``StoreError/Code/notFound`` naming the part that is not there.
    package func entry(at path: [UInt8]) throws(StoreError) -> Entry {
        try StoreError.mapped {
            var entry = root
            var walked: [UInt8] = []
            for name in path.split(separator: 47) where !name.elementsEqual([46]) {
                walked += [47] + name
                guard case .directory(let digest) = entry.node,
                    let child = try lookUp(name: Array(name), inTree: digest, load: load)
                else {
                    throw StoreError(
                        .notFound, "The snapshot has no \(escaped(walked)).",
                        hint: "See what it has with `snapstore ls`.")
                }
                entry = child
            }
            return entry
        }
    }

    /// Calls `body` with each entry of a directory in order.
    package func forEachEntry(of directory: Entry, _ body: (Entry) throws -> Void) throws(StoreError) {
        try StoreError.mapped {
            guard case .directory(let digest) = directory.node else { return }
            var cursor = try TreeCursor(root: digest, load: load)
            while let entry = try cursor.next() { try body(entry) }
        }
    }

    /// Calls `body` with the bytes of a file, piece by piece; zero segments come as pieces of at most 1 MiB.
    package func forEachPiece(of content: Content, _ body: ([UInt8]) throws -> Void) throws(StoreError) {
        try StoreError.mapped {
            if case .inline(let bytes) = content.body { return try body(bytes) }
            var cursor = try SegmentCursor(content, load: load)
            while let segment = try cursor.next() {
                switch segment {
                case .data(let digest, _): try body(load(ObjectKey(.chunk, digest)))
                case .zeros(let size):
                    var left = size
                    let zeros = [UInt8](repeating: 0, count: Int(min(left, 1 << 20)))
                    while left > 0 {
                        let count = min(left, UInt64(zeros.count))
                        try body(Array(zeros.prefix(Int(count))))
                        left -= count
                    }
                }
            }
        }
    }
}
