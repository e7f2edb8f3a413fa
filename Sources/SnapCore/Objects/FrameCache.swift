internal import Synchronization

/// Decoded frames of the last reads, bounded in bytes; the least recently used goes first.
final class FrameCache: Sendable {
    private struct State {
        var frames: [Int64: (bytes: [UInt8], used: UInt64)] = [:]
        var bytes = 0
        var clock: UInt64 = 0
    }

    private let bytesMax: Int
    private let state = Mutex(State())

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    func frame(_ id: Int64) -> [UInt8]? {
        state.withLock { state in
            guard let found = state.frames[id] else { return nil }
            state.clock += 1
            state.frames[id] = (found.bytes, state.clock)
            return found.bytes
        }
    }

    func insert(_ id: Int64, _ bytes: [UInt8]) {
        state.withLock { state in
            if let old = state.frames[id] { state.bytes -= old.bytes.count }
            state.clock += 1
            state.frames[id] = (bytes, state.clock)
            state.bytes += bytes.count
            while state.bytes > bytesMax, state.frames.count > 1,
                let oldest = state.frames.min(by: { $0.value.used < $1.value.used })
            {
                state.frames[oldest.key] = nil
                state.bytes -= oldest.value.bytes.count
            }
        }
    }

    func remove(_ id: Int64) {
        state.withLock { state in
            if let old = state.frames.removeValue(forKey: id) { state.bytes -= old.bytes.count }
        }
    }
}
