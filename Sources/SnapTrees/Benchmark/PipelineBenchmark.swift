internal import SnapChunking
package import SnapDigest
package import SnapIO
internal import SnapPacks
internal import Synchronization

/// Measures the steps that every captured and restored byte goes through, by the code that does them for a store.
package final class PipelineBenchmark: Sendable {
    package enum Part: String, Sendable, CaseIterable {
        /// Finding the cuts that content defines.
        case cut
        /// SHA-256 of chunks.
        case digest
        /// zstd of frames as the store compresses them.
        case compress
        /// The same frames back, with the comparison of their checksums.
        case decompress
    }

    private static let chunkBytes = 16 << 10
    private static let frameBytes = PackWriter.frameRawBytes

    private let data: [UInt8]
    private let frames: [[UInt8]]
    private let stored: [(bytes: [UInt8], info: FrameInfo)]

    /// - Parameter bytes: Of data, at least one frame.
    package init(bytes: Int, step: () throws -> Void) throws {
        data = SyntheticData.bytes(max(bytes, Self.frameBytes), seed: 1)
        var frames: [[UInt8]] = []
        var stored: [(bytes: [UInt8], info: FrameInfo)] = []
        let compressor = try FrameCompressor()
        let hasher = try SHA256()
        for start in stride(from: 0, to: data.count, by: Self.frameBytes) {
            try step()
            let frame = Array(data[start..<min(start + Self.frameBytes, data.count)])
            let (codec, bytes) = try compressor.compress(frame)
            let check = Array(hasher.digest(bytes).bytes.prefix(FrameInfo.checkBytes))
            let info = FrameInfo(
                offset: 0, storedBytes: UInt32(clamping: bytes.count), rawBytes: UInt32(clamping: frame.count),
                codec: codec, check: check)
            frames.append(frame)
            stored.append((bytes, info))
        }
        self.frames = frames
        self.stored = stored
    }

    package var bytes: Int { data.count }
    package var storedBytes: Int { stored.reduce(0) { $0 + $1.bytes.count } }

    /// Does one part on `threads` threads at once, each with all of the data. Returns nanoseconds.
    package func run(_ part: Part, threads: Int) throws -> Int64 {
        let failure = Mutex<(any Error)?>(nil)
        let pool = try WorkerPool(threads: max(1, threads - 1), queueMax: max(1, threads))
        let start = Kernel.bootNanoseconds()
        try pool.concurrently(threads) { _ in
            do { try self.run(part) } catch { failure.withLock { $0 = error } }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
        return max(1, Kernel.bootNanoseconds() - start)
    }

    private func run(_ part: Part) throws {
        switch part {
        case .cut: try cut()
        case .digest:
            let hasher = try SHA256()
            try data.withUnsafeBytes { bytes in
                for start in stride(from: 0, to: bytes.count, by: Self.chunkBytes) {
                    let chunk = bytes[start..<min(start + Self.chunkBytes, bytes.count)]
                    _ = hasher.digest(UnsafeRawBufferPointer(rebasing: chunk))
                }
            }
        case .compress:
            let compressor = try FrameCompressor()
            for frame in frames { _ = try compressor.compress(frame) }
        case .decompress:
            let decoder = try FrameDecoder()
            for frame in stored { _ = try decoder.decode(frame.bytes, frame.info) }
        }
    }

    private func cut() throws {
        var found = 0
        try data.withUnsafeBytes { bytes in
            try StreamCutter().cut(.contentDefined, of: bytes) { segment in
                if case .data(let chunk, _) = segment { found += chunk.count }
            }
        }
        guard found == data.count else { throw IOError(errno: 5, operation: "cut", path: "") }
    }
}

/// Data that compresses to about half: 512 random bytes in turn with 512 of words, the same for the same seed.
package enum SyntheticData {
    package static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        // SplitMix64 (Steele, Lea and Flood 2014).
        func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
        let words = (0..<256).map { number in Array("word\(number * 7919 % 1000) ".utf8) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 1024)
        while bytes.count < count {
            let end = bytes.count + 512
            if bytes.count % 1024 == 0 {
                while bytes.count < end { withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0) } }
            } else {
                while bytes.count < end { bytes += words[Int(next() % 256)] }
                bytes.removeLast(bytes.count - end)
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}
