internal import SnapIO
internal import SnapPacks

/// Frames of the last reads, bounded in raw bytes; the least recently used goes first.
///
/// Of several threads that want a frame which is not there, one reads it and the others wait: files that lie side by
/// side in a frame are written side by side, too.
final class FrameCache: Sendable {
    /// As much as a reader keeps unless it is told otherwise.
    static let bytesMaxUsually = 24 << 20

    private struct State {
        var frames: RecentlyUsed<LazyFrame>
        var loading: Set<Int64> = []
    }

    private enum Claim {
        case found(LazyFrame)
        /// The caller is to load it.
        case mine
    }

    private let state: Monitor<State>

    init(bytesMax: Int = bytesMaxUsually) {
        state = Monitor(State(frames: RecentlyUsed(bytesMax: bytesMax)))
    }

    /// The frame, which `load` reads where it is not kept. An error is that of whoever meets it: the next
    /// one tries again.
    func frame(_ id: Int64, load: () throws -> LazyFrame) throws -> LazyFrame {
        let claim: Claim = state.wait { state in
            if let found = state.frames.use(id) { return .found(found) }
            return state.loading.insert(id).inserted ? .mine : nil
        }
        if case .found(let frame) = claim { return frame }
        let loaded = Result { try load() }
        return try state.change { state in
            state.loading.remove(id)
            let frame = try loaded.get()
            state.frames.insert(id, frame, bytes: frame.count)
            return frame
        }
    }

    func remove(_ id: Int64) { state.withLock { $0.frames.remove(id) } }
}
