internal import SnapDigest
package import SnapModel
internal import SnapPacks

/// Groups objects into frames of a bundle, compressed on the caller's thread. Memory: one frame.
package struct BundleWriter {
    private let compressor: FrameCompressor
    private let hasher: SHA256
    private var frame = RawFrame()

    package init() throws {
        compressor = try FrameCompressor()
        hasher = try SHA256()
    }

    /// Adds an object. Returns the bytes of a frame, when this one begins another.
    package mutating func add(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws -> [UInt8]? {
        let isFull =
            frame.raw.count + bytes.count > PackWriter.frameRawBytes
            || frame.objects.count == BundleFrame.objectsMax
        let full = isFull ? try finish() : nil
        frame.add(key, bytes)
        return full
    }

    /// The bytes of the frame that is left; nil when there is none.
    package mutating func finish() throws -> [UInt8]? {
        guard !frame.objects.isEmpty else { return nil }
        defer { frame = RawFrame() }
        return BundleFrame(try frame.stored(compressor, hasher)).encode()
    }
}
