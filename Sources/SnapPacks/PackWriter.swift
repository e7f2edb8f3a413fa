package import SnapDigest
internal import SnapIO
package import SnapModel
internal import Synchronization

/// A pack that is durable under its name.
package struct SealedPack: Sendable {
    package let id: PackID
    package let index: PackIndex
    /// Size of the file.
    package let bytes: UInt64
}

/// Groups objects into frames and frames into packs.
///
/// Frames are compressed on threads of the writer and written in order by the caller's. Chunks and metadata go to packs
/// of their own, unless everything together stays under 1 MiB: then there is one pack. Memory: about
/// `(threads + 2) × 2` frames, up to 1 MiB a lane until its first pack begins, and the footers of two packs. For one
/// thread at a time.
package final class PackWriter {
    /// Raw bytes grouped into one frame; a larger object is alone.
    package static let frameRawBytes = 1 << 20
    /// Stored bytes at which a pack is sealed.
    package static let packBytes: UInt64 = 32 << 20
    /// Objects at which it is sealed too: small ones compress so well that millions would fit, and whoever writes or
    /// reads the pack has all of its footer in memory.
    package static let packObjects = 1 << 16
    /// Stored bytes up to which everything goes to one mixed pack.
    package static let mixedBytesMax = 1 << 20

    private let pipeline: CompressionPipeline
    private var chunks: PackLane
    private var metadata: PackLane

    /// - Parameters:
    ///   - allocate: Names the next pack; the caller has announced it before this returns.
    ///   - sealed: Told of each pack once it is durable, on the caller's thread.
    package init(
        backend: any PackBackend, scope: String, threads: Int,
        allocate: @escaping () throws -> PackID, sealed: @escaping (SealedPack) throws -> Void
    ) throws {
        pipeline = try CompressionPipeline(threads: threads)
        let output = PackOutput(backend: backend, scope: scope, allocate: allocate, sealed: sealed)
        chunks = PackLane(output: output)
        metadata = PackLane(output: output)
    }

    /// Adds an object; its bytes are copied.
    ///
    /// - Throws: What a compression or a write before it ran into: the writer can only be abandoned then.
    package func append(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 1, bytes.count <= Limits.bytesMax(of: key.kind) else {
            throw FormatError(.limit, "The object \(key) of \(bytes.count) bytes cannot be stored.")
        }
        let lane = key.kind == .chunk ? chunks : metadata
        if lane.frame.raw.count + bytes.count > Self.frameRawBytes { try submit(lane) }
        lane.frame.add(key, bytes)
        if lane.frame.raw.count >= Self.frameRawBytes || lane.frame.objects.count >= Self.packObjects {
            try submit(lane)
        }
    }

    /// Adds a frame as it is, which somebody has checked: the bytes, and every object in it. Those of nodes and of chunks go
    /// to different packs, so it holds one or the other.
    ///
    /// - Throws: As ``append(_:_:)``.
    package func append(_ frame: StoredFrame) throws {
        guard let first = frame.objects.first else { return }
        try (first.key.kind == .chunk ? chunks : metadata).write(frame)
    }

    private func submit(_ lane: PackLane) throws {
        guard !lane.frame.raw.isEmpty else { return }
        try pipeline.submit(lane.frame, to: lane)
        lane.frame = RawFrame()
        try pipeline.drain(waitForAll: false)
    }

    /// Writes and seals everything.
    package func finish() throws {
        try submit(chunks)
        try submit(metadata)
        try pipeline.drain(waitForAll: true)
        if !chunks.hasBegun, !metadata.hasBegun, chunks.heldBytes + metadata.heldBytes < Self.mixedBytesMax {
            chunks.take(from: metadata)
        }
        try chunks.finish()
        try metadata.finish()
    }

    /// Removes unfinished packs; sealed ones are the caller's.
    package func abandon() {
        pipeline.abandon()
        chunks.abandon()
        metadata.abandon()
    }
}

/// Objects one after another, not yet compressed.
package struct RawFrame: Sendable {
    package private(set) var raw: [UInt8] = []
    package private(set) var objects: [(key: ObjectKey, length: UInt32)] = []

    package init() {}

    package mutating func add(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) {
        if raw.isEmpty { raw.reserveCapacity(max(bytes.count, PackWriter.frameRawBytes)) }
        raw.append(contentsOf: bytes)
        objects.append((key, UInt32(clamping: bytes.count)))
    }

    /// The frame as it is stored, with its check.
    package func stored(_ compressor: FrameCompressor, _ hasher: SHA256) throws -> StoredFrame {
        let (codec, stored) = try compressor.compress(raw)
        return StoredFrame(
            codec: codec, stored: stored, rawBytes: UInt32(clamping: raw.count),
            check: Array(hasher.digest(stored).bytes.prefix(FrameInfo.checkBytes)), objects: objects)
    }
}

/// A frame ready to be written, or as it was read: its bytes as they are stored, and its objects in their order.
package struct StoredFrame: Sendable {
    package let codec: FrameCodec
    package let stored: [UInt8]
    package let rawBytes: UInt32
    /// The first 16 bytes of the SHA-256 of the stored bytes.
    package let check: [UInt8]
    /// Whose lengths add up to the raw bytes.
    package let objects: [(key: ObjectKey, length: UInt32)]

    package init(
        codec: FrameCodec, stored: [UInt8], rawBytes: UInt32, check: [UInt8],
        objects: [(key: ObjectKey, length: UInt32)]
    ) {
        self.codec = codec
        self.stored = stored
        self.rawBytes = rawBytes
        self.check = check
        self.objects = objects
    }
}
