internal import SnapDigest
package import SnapModel
internal import SnapPacks

/// Groups objects into frames of a bundle, compressed on the caller's thread. Memory: one frame.
package struct BundleWriter {
    private let compressor: FrameCompressor
    private let hasher: SHA256
    private var raw: [UInt8] = []
    private var objects: [(key: ObjectKey, length: UInt32)] = []

    package init() throws {
        compressor = try FrameCompressor()
        hasher = try SHA256()
    }

    /// Adds an object. Returns the bytes of a frame, when this one begins another.
    package mutating func add(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws -> [UInt8]? {
        let isFull = raw.count + bytes.count > PackWriter.frameRawBytes || objects.count == BundleFrame.objectsMax
        let frame = isFull ? try finish() : nil
        raw.append(contentsOf: bytes)
        objects.append((key, UInt32(clamping: bytes.count)))
        return frame
    }

    /// The bytes of the frame that is left; nil when there is none.
    package mutating func finish() throws -> [UInt8]? {
        guard !objects.isEmpty else { return nil }
        defer { (raw, objects) = ([], []) }
        let (codec, stored) = try compressor.compress(raw)
        return BundleFrame(
            info: FrameInfo(
                offset: 0, storedBytes: UInt32(clamping: stored.count), rawBytes: UInt32(clamping: raw.count),
                codec: codec, check: Array(hasher.digest(stored).bytes.prefix(FrameInfo.checkBytes))),
            objects: objects, stored: stored
        ).encode()
    }
}
