import SnapChunking
import SnapDigest
package import SnapIO
import SnapTrees
import Synchronization

/// Data in memory, and what a capture does with each byte before it knows whether the byte is new.
package final class MemoryData: Sendable {
    package enum Part: String, Sendable, CaseIterable {
        /// Finding the cuts that content defines: the gear hash alone.
        case scan
        /// SHA-256 of chunks, one after the other.
        case digest
        /// SHA-256 of chunks, several at a time, as captures do it.
        case digests = "digests, several at a time"
        /// What captures do: windows copied in, zeros looked for, cut and hashed.
        case chunkAndDigest = "chunk and digest"
    }

    private let data: [UInt8]
    private let chunks: [Range<Int>]
    /// Chunks that are hashed together: those of a window of 1 MiB.
    private static let chunksTogether = 64

    package var bytes: Int { data.count }

    package init(bytes: Int) {
        data = SyntheticData.bytes(bytes, seed: 1)
        let cut = ContentDefinedCut()
        chunks = data.withUnsafeBytes { bytes in
            var chunks: [Range<Int>] = []
            var start = 0
            while start < bytes.count {
                let end = start + cut.chunkSize(UnsafeRawBufferPointer(rebasing: bytes[start...]))
                chunks.append(start..<end)
                start = end
            }
            return chunks
        }
    }

    /// Does one part on several threads at once, each with all of the data.
    package func run(_ part: Part, threads: Int, pool: WorkerPool?) throws {
        guard let pool, threads > 1 else { return try run(part) }
        let failure = Mutex<(any Error)?>(nil)
        try pool.concurrently(threads) { _ in
            do { try self.run(part) } catch { failure.withLock { $0 = error } }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Cuts and hashes the data as one big file, which several threads share.
    package func cutOneFile(threads: Int, pool: WorkerPool) throws {
        try cutAndHash(StreamCutter(threads: threads) { count, body in try pool.concurrently(count, body) })
    }

    private func run(_ part: Part) throws {
        switch part {
        case .scan: try scan()
        case .digest: try digest(together: 1)
        case .digests: try digest(together: Self.chunksTogether)
        case .chunkAndDigest: try cutAndHash(StreamCutter())
        }
    }

    private func scan() throws {
        let cut = ContentDefinedCut()
        var found = 0
        data.withUnsafeBytes { bytes in
            var start = 0
            while start < bytes.count {
                start += cut.chunkSize(UnsafeRawBufferPointer(rebasing: bytes[start...]))
                found += 1
            }
        }
        try expect(found == chunks.count)
    }

    private func digest(together: Int) throws {
        let hasher = try SHA256()
        var found = 0
        data.withUnsafeBytes { bytes in
            for first in stride(from: 0, to: chunks.count, by: together) {
                let group = chunks[first..<min(first + together, chunks.count)].map { bytes[$0] }
                let messages = group.map { UnsafeRawBufferPointer(rebasing: $0) }
                found += together == 1 ? messages.map { hasher.digest($0) }.count : hasher.digests(messages).count
            }
        }
        try expect(found == chunks.count)
    }

    private func cutAndHash(_ cutter: StreamCutter) throws {
        let hasher = try SHA256()
        var found = 0
        try data.withUnsafeBytes { bytes in
            try cutter.cut(.contentDefined, of: bytes) { segment in
                guard case .data(let chunk, let known) = segment else { return }
                // The writer of objects hashes what the cutter has not.
                if known == nil { _ = hasher.digest(chunk) }
                found += 1
            }
        }
        try expect(found == chunks.count)
    }

    /// Work that was not done would be fast.
    private func expect(_ isDone: Bool) throws {
        guard isDone else { throw WrongWork() }
    }
}

/// A step did not come to the result that it must come to.
struct WrongWork: Error {}

extension Step {
    private static let bytes = 64 << 20

    static var memory: [Step] {
        let parts = MemoryData.Part.allCases.flatMap { part in
            [1, 2].map { threads in
                Step("memory: \(part.rawValue), \(threads == 1 ? "1 thread" : "2 threads")", bytes * threads, .bytes) {
                    let data = MemoryData(bytes: bytes)
                    let pool = threads > 1 ? try WorkerPool(threads: threads - 1, queueMax: threads) : nil
                    return { try data.run(part, threads: threads, pool: pool) }
                }
            }
        }
        let shared = Step("memory: chunk and digest, one file on 2 threads", bytes, .bytes) {
            let data = MemoryData(bytes: bytes)
            let pool = try WorkerPool(threads: 1, queueMax: 2)
            return { try data.cutOneFile(threads: 2, pool: pool) }
        }
        return parts + [shared]
    }
}
