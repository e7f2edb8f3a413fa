import CZstd
import SnapDigest
import SnapIO
import SnapPacks
import Synchronization

/// Decompresses and hashes what the packs of a store hold, and does nothing else.
struct PackLimit {
    private struct Frame: Sendable {
        let stored: [UInt8]
        let codec: FrameCodec
        let rawBytes: Int
        let objects: [Range<Int>]
    }

    struct Unsound: Error {}

    private static let threads = 2
    private static let rounds = 3
    private let frames: [Frame]

    /// - Parameter path: Of a store; its packs are read into memory as they are.
    init(store path: String) throws {
        let backend = try LocalPackBackend(root: path + "/packs", disk: Disk())
        var frames: [Frame] = []
        for scope in try backend.scopes() {
            for id in try backend.list(scope: scope) {
                let index = try PackIndex.read(backend: backend, scope: scope, id: id)
                var objects = index.frames.map { _ in [Range<Int>]() }
                for object in index.objects {
                    objects[object.frame].append(Int(object.position)..<Int(object.position) + Int(object.length))
                }
                for (frame, objects) in zip(index.frames, objects) {
                    let stored = try backend.read(
                        scope: scope, id: id, offset: frame.offset, count: Int(frame.storedBytes))
                    frames.append(
                        Frame(stored: stored, codec: frame.codec, rawBytes: Int(frame.rawBytes), objects: objects))
                }
            }
        }
        self.frames = frames
    }

    func report() throws {
        let pool = try WorkerPool(threads: Self.threads - 1, queueMax: Self.threads)
        var best = Int64.max
        for _ in 0..<Self.rounds {
            let start = Kernel.bootNanoseconds()
            try run(pool)
            best = min(best, Kernel.bootNanoseconds() - start)
        }
        print("bytes \(frames.reduce(0) { $0 + $1.rawBytes })\nseconds \(Double(best) / 1e9)")
    }

    /// Each thread takes the next frame until none is left.
    private func run(_ pool: WorkerPool) throws {
        let next = Mutex(0)
        let failure = Mutex<(any Error)?>(nil)
        try pool.concurrently(Self.threads) { _ in
            do {
                let hasher = try SHA256()
                guard let context = ZSTD_createDCtx() else { throw Unsound() }
                defer { ZSTD_freeDCtx(context) }
                var room: [UInt8] = []
                while true {
                    let number = next.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    guard number < frames.count else { return }
                    try Self.check(frames[number], hasher, context, &room)
                }
            } catch { failure.withLock { $0 = error } }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    private static func check(_ frame: Frame, _ hasher: SHA256, _ context: OpaquePointer, _ room: inout [UInt8]) throws
    {
        func hash(_ raw: UnsafeRawBufferPointer) {
            _ = hasher.digests(frame.objects.map { UnsafeRawBufferPointer(rebasing: raw[$0]) })
        }
        guard frame.codec == .zstd else { return frame.stored.withUnsafeBytes(hash) }
        if room.count < frame.rawBytes { room = [UInt8](repeating: 0, count: frame.rawBytes) }
        try room.withUnsafeMutableBytes { raw in
            let size = frame.stored.withUnsafeBytes {
                ZSTD_decompressDCtx(context, raw.baseAddress, raw.count, $0.baseAddress, $0.count)
            }
            guard size == frame.rawBytes else { throw Unsound() }
            hash(UnsafeRawBufferPointer(rebasing: raw[..<size]))
        }
    }
}
