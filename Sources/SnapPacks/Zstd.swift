internal import CZstd

/// A reused zstd compression context (RFC 8878). For one thread at a time.
///
/// zstd's fast strategy, with the hash table and the shortest matches that frames of a megabyte gain from
/// (`docs/decisions/0006`).
package final class FrameCompressor {
    private let context: OpaquePointer
    private var buffer: [UInt8] = []

    /// The version of zstd that this process runs with.
    package static var libraryVersion: String { String(cString: ZSTD_versionString()) }

    package init() throws {
        guard let context = ZSTD_createCCtx() else {
            throw PackError(.io, "zstd has no memory for a compression context.")
        }
        self.context = context
        // Content size on (default), checksum off (the frame has its own check), window within the format's 8 MiB.
        let parameters: [(ZSTD_cParameter, Int32)] = [
            (ZSTD_c_strategy, Int32(bitPattern: ZSTD_fast.rawValue)), (ZSTD_c_hashLog, 16), (ZSTD_c_minMatch, 5),
            (ZSTD_c_windowLog, 21), (ZSTD_c_checksumFlag, 0),
        ]
        for (parameter, value) in parameters {
            guard ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0 else {
                throw PackError(.io, "zstd refused a parameter.")
            }
        }
    }

    deinit { ZSTD_freeCCtx(context) }

    /// The stored form: compressed if that gains at least 3 %, otherwise the bytes themselves.
    package func compress(_ raw: [UInt8]) throws -> (codec: FrameCodec, stored: [UInt8]) {
        let bound = ZSTD_compressBound(raw.count)
        if buffer.count < bound { buffer = [UInt8](repeating: 0, count: bound) }
        let size = buffer.withUnsafeMutableBytes { output in
            raw.withUnsafeBytes { input in
                ZSTD_compress2(context, output.baseAddress, output.count, input.baseAddress, input.count)
            }
        }
        guard ZSTD_isError(size) == 0 else {
            throw PackError(.io, "zstd failed: \(String(cString: ZSTD_getErrorName(size))).")
        }
        if size > raw.count / 100 * 97 || size >= raw.count { return (.raw, raw) }
        return (.zstd, Array(buffer[..<size]))
    }
}
