internal import SnapDigest
internal import SnapIO
internal import Synchronization

/// Compresses frames on several threads and hands them back in the order they came.
final class CompressionPipeline {
    /// What a worker needs; kept between frames, because a new context costs more than a small frame.
    private struct Tools: @unchecked Sendable {
        // Handed from one worker to the next under the pool's mutex, never used by two at once.
        let compressor: FrameCompressor
        let hasher: SHA256
    }

    private final class ToolPool: Sendable {
        private let free = Mutex<[Tools]>([])

        func withTools<Result>(_ body: (FrameCompressor, SHA256) throws -> Result) throws -> Result {
            let tools =
                try free.withLock { $0.popLast() }
                ?? Tools(compressor: FrameCompressor(), hasher: SHA256())
            defer { free.withLock { $0.append(tools) } }
            return try body(tools.compressor, tools.hasher)
        }
    }

    /// A frame on its way through the threads.
    private final class Slot: Sendable {
        let result = Mutex<StoredFrame?>(nil)
        /// For whoever waits, and asks again and again.
        let isDone = Atomic(false)
    }

    private let pool: WorkerPool
    private let tools = ToolPool()
    private let inFlightMax: Int
    private var inFlight: [(slot: Slot, lane: PackLane)] = []

    init(threads: Int) throws {
        pool = try WorkerPool(threads: threads, queueMax: threads + 2)
        inFlightMax = 2 * (threads + 2)
    }

    func submit(_ frame: RawFrame, to lane: PackLane) throws {
        let slot = Slot()
        inFlight.append((slot, lane))
        try pool.submit { [tools] in
            let stored = try tools.withTools { compressor, hasher in
                try frame.stored(compressor, hasher)
            }
            slot.result.withLock { $0 = stored }
            slot.isDone.store(true, ordering: .releasing)
        }
    }

    /// Gives frames that are ready to their lanes, in order; waits while too many are under way, or for all.
    func drain(waitForAll: Bool) throws {
        if waitForAll {
            try pool.wait()
        } else if inFlight.count >= inFlightMax, let first = inFlight.first {
            try pool.wait { first.slot.isDone.load(ordering: .acquiring) }
        }
        while let (slot, lane) = inFlight.first, let frame = slot.result.withLock({ $0 }) {
            inFlight.removeFirst()
            try lane.write(frame)
        }
        if waitForAll, !inFlight.isEmpty { throw PackError(.io, "A frame was lost while it was compressed.") }
    }

    /// Waits for the threads, and forgets what they did.
    func abandon() {
        try? pool.wait()
        inFlight.removeAll()
    }
}
