internal import CZstd
internal import SnapDigest
internal import SnapModel

/// Decodes frames, whoever wrote them: one-shot into a buffer of exactly the declared size.
///
/// Unchecked, because its contexts are pointers: an owner that hands it from thread to thread does so under a lock.
package final class FrameDecoder: @unchecked Sendable {
    private let context: OpaquePointer
    private let hasher: SHA256

    package init() throws {
        guard let context = ZSTD_createDCtx() else {
            throw PackError(.io, "zstd has no memory for a decompression context.")
        }
        self.context = context
        hasher = try SHA256()
    }

    deinit { ZSTD_freeDCtx(context) }

    /// The raw bytes of a frame.
    ///
    /// - Parameter isChecked: Compare the stored bytes with their check first. Without, damage shows in the digests of the
    ///   objects, which the caller must look at anyway.
    /// - Throws: ``PackError/Code/corrupt`` when the bytes fail their check or are not exactly one frame of the format.
    package func decode(_ stored: [UInt8], _ info: FrameInfo, isChecked: Bool = true) throws -> [UInt8] {
        guard stored.count == Int(info.storedBytes), !isChecked || info.isPassed(by: hasher.digest(stored)) else {
            throw PackError(.corrupt, "A frame's stored bytes are not what they were.")
        }
        guard info.codec == .zstd else {
            guard info.rawBytes == info.storedBytes else {
                throw PackError(.corrupt, "A frame of raw bytes has two lengths.")
            }
            return stored
        }
        return try decompress(stored, rawBytes: Int(info.rawBytes))
    }

    private func decompress(_ stored: [UInt8], rawBytes: Int) throws -> [UInt8] {
        guard rawBytes <= Limits.frameRawBytesMax else {
            throw PackError(.corrupt, "A frame says it holds \(rawBytes) bytes, over 8 MiB.")
        }
        var size = 0
        let raw = try stored.withUnsafeBytes { input in
            // Before any memory is given: a single frame with the size declared, no dictionary, nothing skippable.
            guard Self.isHeaderAllowed(input),
                ZSTD_getFrameContentSize(input.baseAddress, input.count) == UInt64(rawBytes),
                ZSTD_findFrameCompressedSize(input.baseAddress, input.count) == input.count
            else { throw PackError(.corrupt, "A frame is not one zstd frame of \(rawBytes) bytes.") }
            return [UInt8](unsafeUninitializedCapacity: rawBytes) { buffer, filled in
                size = ZSTD_decompressDCtx(context, buffer.baseAddress, rawBytes, input.baseAddress, input.count)
                filled = ZSTD_isError(size) == 0 ? size : 0
            }
        }
        guard raw.count == rawBytes else {
            throw PackError(.corrupt, "A frame cannot be decompressed to its \(rawBytes) bytes.")
        }
        return raw
    }

    /// What libzstd does not look at when it decompresses in one go (RFC 8878 section 3.1.1.1): a dictionary id, even
    /// of 0, and a window over 8 MiB, which would cost other readers its memory.
    private static func isHeaderAllowed(_ frame: UnsafeRawBufferPointer) -> Bool {
        guard frame.count >= 6, frame.starts(with: [0x28, 0xb5, 0x2f, 0xfd]) else { return false }
        let descriptor = frame[4]
        guard descriptor & 3 == 0 else { return false }
        // A single segment has no window but its content, whose size is checked.
        if descriptor & 0x20 != 0 { return true }
        let base = UInt64(1) << (10 + UInt64(frame[5] >> 3))
        return base + base / 8 * UInt64(frame[5] & 7) <= UInt64(windowBytesMax)
    }

    private static let windowBytesMax = 8 << 20
}
