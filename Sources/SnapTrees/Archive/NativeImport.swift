package import SnapCore
internal import SnapDigest
package import SnapModel
internal import SnapPacks

/// Puts the snapshot in a stream of ``NativeExport`` into a session. Nothing in the stream is trusted: every object is
/// hashed, and the tree is walked before it is committed.
///
/// Memory: one pack of at most 64 MiB.
package struct NativeImport {
    private static let scope = "import"

    private let put: (ObjectKey, UnsafeRawBufferPointer) throws -> Void
    private let readBack: () throws -> ObjectLoader
    private let progress: Progress

    /// - Parameters:
    ///   - put: Stores an object, whose bytes are those that the key says.
    ///   - readBack: Called when all are put: returns what reads them.
    package init(
        put: @escaping (ObjectKey, UnsafeRawBufferPointer) throws -> Void,
        readBack: @escaping () throws -> ObjectLoader, progress: Progress = Progress()
    ) {
        self.put = put
        self.readBack = readBack
        self.progress = progress
    }

    /// Reads the stream to its end. Returns what to commit, under the name and tag that the record in it gives.
    ///
    /// - Parameter read: Returns exactly as many bytes as asked for, or fewer at the end of the stream.
    /// - Throws: ``StoreError/Code/corrupt`` when the stream is cut or is none.
    package func run(read: (Int) throws -> [UInt8]) throws(StoreError) -> SnapshotDraft {
        try StoreError.mapped {
            progress.enter(.reading)
            guard try read(NativeExport.magic.count) == NativeExport.magic else {
                throw StoreError(
                    .invalid, "The stream is no snapshot that `snapstore export` wrote.",
                    hint: "For a tar archive give --format tar.")
            }
            var last: RecordObject?
            while let pack = try nextPack(read) { last = try take(pack) }
            guard try read(1).isEmpty else {
                throw StoreError(.corrupt, "The stream goes on after its end.", hint: "Export it again.")
            }
            guard let record = last else { throw Self.cut }
            return try draft(record)
        }
    }

    private static var cut: StoreError {
        StoreError(.corrupt, "The stream ends before the snapshot does.", hint: "Export it again.")
    }

    private func nextPack(_ read: (Int) throws -> [UInt8]) throws -> [UInt8]? {
        let header = try read(8)
        guard header.count == 8 else { throw Self.cut }
        var reader = ByteReader(header, "stream")
        let length = try reader.fixed(UInt64.self)
        if length == 0 { return nil }
        guard length <= NativeExport.packBytesMax else {
            throw StoreError(.corrupt, "The stream announces a pack of \(length) bytes, over 64 MiB.")
        }
        let pack = try read(Int(length))
        guard pack.count == Int(length) else { throw Self.cut }
        return pack
    }

    /// Puts the objects of a pack. Returns the record if that is the last of them.
    private func take(_ pack: [UInt8]) throws -> RecordObject? {
        let backend = MemoryPackBackend()
        let id = PackID()
        backend.put(scope: Self.scope, id: id, pack)
        let index = try PackIndex.read(backend: backend, scope: Self.scope, id: id)
        let decoder = try FrameDecoder()
        let hasher = try SHA256()
        var record: RecordObject?
        var frame: (number: Int, raw: [UInt8]) = (-1, [])
        for object in index.objects {
            try progress.check()
            if object.frame != frame.number {
                let info = index.frames[object.frame]
                let stored = try backend.read(
                    scope: Self.scope, id: id, offset: info.offset, count: Int(info.storedBytes))
                frame = (object.frame, try decoder.decode(stored, info))
            }
            let start = Int(object.position)
            let bytes = Array(frame.raw[start..<(start + Int(object.length))])
            guard hasher.digest(bytes) == object.key.digest else {
                throw StoreError(.corrupt, "The stream says \(object.key) of bytes that are others.")
            }
            progress.add(entries: 1, bytes: UInt64(bytes.count))
            record = nil
            if object.key.kind == .record {
                // This store writes a record of its own.
                record = try RecordObject.decode(bytes)
            } else {
                try bytes.withUnsafeBytes { try put(object.key, $0) }
            }
        }
        return record
    }

    private func draft(_ record: RecordObject) throws -> SnapshotDraft {
        let read = try readBack()
        // The objects of a stream can name each other many times over: this may be long, and must be stopped.
        let load: ObjectLoader = { [progress] key in
            try progress.check()
            return try read(key)
        }
        var draft = SnapshotDraft(name: record.name, tag: record.tag, manifest: record.manifest, kind: "")
        try SnapshotInspection(load: load).fill(&draft)
        draft.creator = record.creator
        draft.labels = record.labels.map { SnapshotRecord.Label(key: $0.key, value: $0.value) }
        return draft
    }
}
