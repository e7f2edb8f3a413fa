package import SnapCore
package import SnapModel
internal import SnapDigest
internal import SnapPacks

/// Writes a snapshot as one stream that another store can import (`docs/format.md` section 11).
///
/// Cost: reads every object once. Memory: one pack, and about 30 bytes an object.
package struct NativeExport {
    package static let magic = Array("SNAPEXP1".utf8)
    /// A pack in a stream is at most this long: twice what writers make.
    package static let packBytesMax: UInt64 = 64 << 20
    private static let scope = "export"

    /// Enough of a key to tell objects apart: nobody finds two that share 128 bits of their digests.
    private struct Seen: Hashable {
        let head: UInt64
        let tail: UInt64

        init(_ key: ObjectKey) {
            head = key.digest.head
            tail = key.digest.tail &+ UInt64(key.kind.rawValue)
        }
    }

    private let load: ObjectLoader
    private let progress: Progress

    package init(load: @escaping ObjectLoader, progress: Progress = Progress()) {
        self.load = load
        self.progress = progress
    }

    /// - Parameters:
    ///   - tag: The tag to say it has; nil for the first of those it has.
    ///   - write: Takes the next bytes of the stream.
    package func run(_ snapshot: SnapshotRecord, tag: String? = nil, write: @escaping ([UInt8]) throws -> Void)
        throws(StoreError)
    {
        try StoreError.mapped {
            progress.setTotals(entries: 0, bytes: UInt64(clamping: snapshot.uniqueBytes))
            progress.enter(.writing)
            try write(Self.magic)
            let objects = try makeWriter(write)
            var queue = [ObjectKey(.manifest, snapshot.manifest)]
            var seen = Set(queue.map(Seen.init))
            // Depth first, so that the bytes of a directory lie together.
            while let key = queue.popLast() {
                try progress.check()
                let bytes = try load(key)
                try bytes.withUnsafeBytes { try objects.append(key, $0) }
                progress.add(entries: 1, bytes: UInt64(bytes.count))
                for child in try ObjectChildren.of(key.kind, bytes).reversed() where seen.insert(Seen(child)).inserted {
                    queue.append(child)
                }
            }
            try objects.finish()
            // In a pack of its own, the last object of the last pack.
            let record = try makeWriter(write)
            let bytes = try snapshot.recordObject(tag: tag).encode()
            let key = ObjectKey(.record, try SHA256().digest(bytes))
            try bytes.withUnsafeBytes { try record.append(key, $0) }
            try record.finish()
            try write([UInt8](repeating: 0, count: 8))
        }
    }

    private func makeWriter(_ write: @escaping ([UInt8]) throws -> Void) throws -> PackWriter {
        let backend = MemoryPackBackend()
        return try PackWriter(
            backend: backend, scope: Self.scope, threads: 2, allocate: { PackID() },
            sealed: { pack in
                let bytes = try backend.bytes(scope: Self.scope, id: pack.id)
                try backend.delete(scope: Self.scope, id: pack.id)
                var header = ByteWriter()
                header.fixed(UInt64(bytes.count))
                try write(header.bytes)
                try write(bytes)
            })
    }
}

extension SnapshotRecord {
    fileprivate func recordObject(tag: String?) -> RecordObject {
        RecordObject(
            id: id.bytes, org: org, name: name, tag: tag ?? tags.first { $0.name == name }?.tag, manifest: manifest,
            createdMilliseconds: createdMilliseconds, creator: creator,
            labels: labels.map { RecordObject.Label(key: $0.key, value: $0.value) }, parent: parent?.bytes,
            visibility: visibility)
    }
}
