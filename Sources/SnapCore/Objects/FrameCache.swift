internal import SnapIO

/// Decoded frames of the last reads, bounded in bytes; the least recently used goes first.
///
/// Of several threads that want a frame which is not there, one decodes it and the others wait: files that lie side by
/// side in a frame are written side by side, too.
final class FrameCache: Sendable {
    private struct State {
        var frames: [Int64: (bytes: [UInt8], used: UInt64)] = [:]
        var loading: Set<Int64> = []
        var bytes = 0
        var clock: UInt64 = 0

        mutating func use(_ id: Int64) -> [UInt8]? {
            guard let found = frames[id] else { return nil }
            clock += 1
            frames[id] = (found.bytes, clock)
            return found.bytes
        }

        mutating func remove(_ id: Int64) {
            if let old = frames.removeValue(forKey: id) { bytes -= old.bytes.count }
        }

        mutating func insert(_ id: Int64, _ loaded: [UInt8], bytesMax: Int) {
            remove(id)
            clock += 1
            frames[id] = (loaded, clock)
            bytes += loaded.count
            while bytes > bytesMax, frames.count > 1, let oldest = frames.min(by: { $0.value.used < $1.value.used }) {
                remove(oldest.key)
            }
        }
    }

    private enum Claim {
        case found([UInt8])
        /// The caller is to load it.
        case mine
    }

    private let bytesMax: Int
    private let state = Monitor(State())

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// The bytes of a frame, which `load` reads where they are not kept. An error is that of whoever meets it: the next
    /// one tries again.
    func frame(_ id: Int64, load: () throws -> [UInt8]) throws -> [UInt8] {
        let claim: Claim = state.wait { state in
            if let found = state.use(id) { return .found(found) }
            return state.loading.insert(id).inserted ? .mine : nil
        }
        if case .found(let bytes) = claim { return bytes }
        let loaded = Result { try load() }
        return try state.change { state in
            state.loading.remove(id)
            let bytes = try loaded.get()
            state.insert(id, bytes, bytesMax: bytesMax)
            return bytes
        }
    }

    func remove(_ id: Int64) { state.withLock { $0.remove(id) } }
}
