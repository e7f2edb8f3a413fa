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
        try examine(stored, info, isChecked: isChecked)
        guard info.codec == .zstd else { return stored }
        let rawBytes = Int(info.rawBytes)
        return try [UInt8](unsafeUninitializedCapacity: rawBytes) { buffer, filled in
            try decompress(stored, to: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: rawBytes))
            filled = rawBytes
        }
    }

    /// Looks at all of a frame that can be seen before any memory is given to it: its check, if asked for, its lengths, and
    /// that it is a single frame of zstd with the size declared, no dictionary, and nothing skippable.
    func examine(_ stored: [UInt8], _ info: FrameInfo, isChecked: Bool) throws {
        guard stored.count == Int(info.storedBytes), !isChecked || info.isPassed(by: hasher.digest(stored)) else {
            throw PackError(.corrupt, "A frame's stored bytes are not what they were.")
        }
        guard info.codec == .zstd else {
            guard info.rawBytes == info.storedBytes else {
                throw PackError(.corrupt, "A frame of raw bytes has two lengths.")
            }
            return
        }
        let rawBytes = Int(info.rawBytes)
        guard rawBytes <= Limits.frameRawBytesMax else {
            throw PackError(.corrupt, "A frame says it holds \(rawBytes) bytes, over 8 MiB.")
        }
        let isOneFrame = stored.withUnsafeBytes { input in
            Self.isHeaderAllowed(input)
                && ZSTD_getFrameContentSize(input.baseAddress, input.count) == UInt64(rawBytes)
                && ZSTD_findFrameCompressedSize(input.baseAddress, input.count) == input.count
        }
        guard isOneFrame else { throw PackError(.corrupt, "A frame is not one zstd frame of \(rawBytes) bytes.") }
    }

    /// Decompresses a frame that was examined, in one go, into as much room as it has bytes.
    func decompress(_ stored: [UInt8], to room: UnsafeMutableRawBufferPointer) throws {
        let size = stored.withUnsafeBytes {
            ZSTD_decompressDCtx(context, room.baseAddress, room.count, $0.baseAddress, $0.count)
        }
        guard size == room.count else { throw Self.undecodable(room.count) }
    }

    /// How far a frame is decompressed that is taken block by block.
    struct Position {
        /// Bytes read and written so far.
        var stored = 0
        fileprivate(set) var raw = 0
        /// Bytes that zstd wants next, so that it stops behind a block.
        fileprivate var wanted = startBytes

        /// Bytes that zstd looks at first: its magic number and the frame's descriptor (RFC 8878 section 3.1.1).
        private static let startBytes = 5
    }

    /// Gets ready for ``advance(_:of:to:in:)`` on a frame that was examined.
    func begin() throws -> Position {
        // The room is that of the whole frame and stays where it is: so blocks are written where they belong, and not
        // copied there from a window.
        guard ZSTD_isError(ZSTD_DCtx_reset(context, ZSTD_reset_session_only)) == 0,
            ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_experimentalParam2, 1)) == 0
        else { throw PackError(.io, "zstd cannot be made ready to decompress block by block.") }
        return Position()
    }

    /// Decompresses further blocks of the frame that was begun last, until `end` of its bytes are there.
    ///
    /// - Parameter room: For the whole frame; the same each time.
    func advance(
        _ position: inout Position, of stored: [UInt8], to end: Int, in room: UnsafeMutableRawBufferPointer
    ) throws {
        try stored.withUnsafeBytes { stored in
            var output = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: position.raw)
            while position.raw < end || (end == room.count && position.wanted > 0) {
                let (read, _) = position.stored.addingReportingOverflow(position.wanted)
                var input = ZSTD_inBuffer(
                    src: stored.baseAddress, size: min(max(read, position.stored), stored.count), pos: position.stored)
                let wanted = ZSTD_decompressStream(context, &output, &input)
                guard ZSTD_isError(wanted) == 0, input.pos > position.stored else { throw Self.undecodable(room.count) }
                position = Position(stored: input.pos, raw: output.pos, wanted: wanted)
            }
        }
    }

    private static func undecodable(_ rawBytes: Int) -> PackError {
        PackError(.corrupt, "A frame cannot be decompressed to its \(rawBytes) bytes.")
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
