internal import SnapDigest
internal import Synchronization

/// Runs a closure for 0 ..< count, several at once, and returns when all have.
package typealias Concurrently = (_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws -> Void

/// Cuts one window on several threads and gives the segments that a single pass would.
///
/// The window is divided into slices. Each but the first is cut as if a run began at its beginning, which is a guess; its
/// chunks are hashed at once. Then, slice by slice, the true cutting runs on from where it stands until it makes a cut
/// that the slice has made too: from a common cut on both are the same, because a cut depends only on what follows the
/// cut before it, so the rest of the slice is taken over. (A zero segment ends alike in both; where a run of zeros
/// crosses the beginning of a slice, the slice makes cuts in it that the true cutting never makes.) On contents where the
/// two never meet, as on periodic ones, the true cutting does all the work itself.
struct SpeculativeCut {
    /// A segment with the position in the window at which the next one begins.
    private struct Cut {
        let piece: CutState.Piece
        let end: Int
        /// Of data.
        var digest: Digest?
    }

    private struct Slice {
        let cuts: [Cut]
        /// Where its cutting stands at its end.
        let state: CutState
    }

    /// The bytes, shared by the threads and written by none.
    private struct Window: @unchecked Sendable {
        let bytes: UnsafeRawBufferPointer
    }

    /// How far the true cutting runs on before its cuts are compared again.
    private static let stepBytes = 128 << 10

    private let window: Window
    private let isAtEnd: Bool
    private let concurrently: Concurrently
    /// Positions at which slices begin, and the end of the last.
    private let bounds: [Int]

    /// - Parameters:
    ///   - window: The bytes up to the last that was read.
    ///   - isAtEnd: Nothing follows them.
    init(
        _ window: UnsafeRawBufferPointer, from state: CutState, isAtEnd: Bool, slices: Int,
        concurrently: @escaping Concurrently
    ) {
        self.window = Window(bytes: window)
        self.isAtEnd = isAtEnd
        self.concurrently = concurrently
        var bounds = [state.scanned]
        let size = (window.count - state.scanned) / max(1, slices)
        for number in 1..<max(2, slices) where number < slices {
            // At a block of the file, so that all see the same blocks.
            let offset = state.startOffset + UInt64(state.scanned + number * size - state.start)
            let position = state.scanned + number * size - Int(offset % UInt64(ZeroBlocks.blockBytes))
            if let last = bounds.last, position > last { bounds.append(position) }
        }
        self.bounds = bounds + [window.count]
    }

    /// Advances `state` over the whole window.
    ///
    /// - Returns: How many of the slices after the first were of use.
    func run(
        _ state: inout CutState, _ emit: (CutState.Piece, Digest?) throws -> Void
    ) throws -> Int {
        let slices = try cutAll(state)
        guard let first = slices.first else { return 0 }
        for cut in first.cuts { try emit(cut.piece, cut.digest) }
        state = first.state
        var used = 0
        for (number, slice) in slices.enumerated().dropFirst() {
            if try join(&state, slice, to: bounds[number + 1], emit) { used += 1 }
        }
        return used
    }

    private func cutAll(_ first: CutState) throws -> [Slice] {
        let results = Results(count: bounds.count - 1)
        let (window, bounds, isAtEnd) = (window, bounds, isAtEnd)
        try concurrently(bounds.count - 1) { number in
            var state = first
            if number > 0 {
                let offset = first.startOffset + UInt64(bounds[number] - first.start)
                state = CutState(first.rule, first.cut, from: bounds[number], offset: offset)
            }
            let end = bounds[number + 1]
            results.put(number, Self.cut(state, window, to: end, isAtEnd: isAtEnd && number == bounds.count - 2))
        }
        return results.all
    }

    private static func cut(_ state: CutState, _ window: Window, to end: Int, isAtEnd: Bool) -> Slice {
        var state = state
        var cuts: [Cut] = []
        state.advance(window.bytes, filled: end, isAtEnd: isAtEnd) { cuts.append(Cut(piece: $0, end: $1, digest: nil)) }
        // Without a hasher the chunks are hashed by whoever takes them.
        if let digests = (try? SHA256())?.digests(of: cuts.map(\.piece), in: window.bytes) {
            for index in cuts.indices { cuts[index].digest = digests[index] }
        }
        return Slice(cuts: cuts, state: state)
    }

    /// Runs the true cutting on into a slice, up to a cut that both make, and takes over the rest.
    ///
    /// - Returns: Whether there was one.
    private func join(
        _ state: inout CutState, _ slice: Slice, to end: Int, _ emit: (CutState.Piece, Digest?) throws -> Void
    ) throws -> Bool {
        var next = 0
        /// Whether the slice begins a segment at `position`; asked in rising order.
        func slicesAlike(_ position: Int) -> Bool {
            while next < slice.cuts.count, slice.cuts[next].end < position { next += 1 }
            return next < slice.cuts.count && slice.cuts[next].end == position
        }
        while state.scanned < end {
            let target = min(end, state.scanned + Self.stepBytes)
            var cuts: [Cut] = []
            state.advance(window.bytes, filled: target, isAtEnd: isAtEnd && target == window.bytes.count) {
                cuts.append(Cut(piece: $0, end: $1, digest: nil))
            }
            for cut in cuts {
                try emit(cut.piece, nil)
                guard slicesAlike(cut.end) else { continue }
                for rest in slice.cuts[(next + 1)...] { try emit(rest.piece, rest.digest) }
                state = slice.state
                return true
            }
            // Part of a block, which only later bytes complete.
            if state.scanned < target { break }
        }
        return false
    }

    /// What the threads bring, each its own.
    private final class Results: Sendable {
        private let slices: Mutex<[Slice?]>

        init(count: Int) {
            slices = Mutex([Slice?](repeating: nil, count: count))
        }

        func put(_ number: Int, _ slice: Slice) { slices.withLock { $0[number] = slice } }

        var all: [Slice] { slices.withLock { $0.compactMap { $0 } } }
    }
}
