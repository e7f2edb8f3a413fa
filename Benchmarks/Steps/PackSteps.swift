import SnapModel
import SnapPacks
import SnapTrees

extension Step {
    /// Chunks of 16 KiB into packs in memory, and back.
    static var packs: [Step] {
        let bytes = 32 << 20
        return [
            Step("pack: write, compressing on 2 threads", bytes, .bytes) {
                let data = SyntheticData.bytes(bytes, seed: 1)
                return { _ = try write(data) }
            },
            Step("pack: read", bytes, .bytes) {
                let (backend, packs) = try write(SyntheticData.bytes(bytes, seed: 1))
                return {
                    let decoder = try FrameDecoder()
                    var read = 0
                    for pack in packs {
                        let index = try PackIndex.read(backend: backend, scope: scope, id: pack)
                        for frame in index.frames {
                            let stored = try backend.read(
                                scope: scope, id: pack, offset: frame.offset, count: Int(frame.storedBytes))
                            read += try decoder.decode(stored, frame).count
                        }
                    }
                    guard read == bytes else { throw WrongWork() }
                }
            },
        ]
    }

    private static let scope = "local"

    private static func write(_ data: [UInt8]) throws -> (MemoryPackBackend, [PackID]) {
        let backend = MemoryPackBackend()
        var packs: [PackID] = []
        let writer = try PackWriter(
            backend: backend, scope: scope, threads: 2, allocate: { PackID() },
            sealed: { packs.append($0.id) })
        let chunkBytes = 16 << 10
        try data.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: chunkBytes) {
                let chunk = bytes[start..<min(start + chunkBytes, bytes.count)]
                try writer.append(
                    ObjectKey(.chunk, digest(of: start)), UnsafeRawBufferPointer(rebasing: chunk))
            }
        }
        try writer.finish()
        return (backend, packs)
    }
}
