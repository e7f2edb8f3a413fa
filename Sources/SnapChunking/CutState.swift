/// How far the cutting of a stream has come, over a window of its bytes that the caller holds.
///
/// A pure state machine (`docs/format.md` section 3): the window grows at its end and is cut from its beginning; positions
/// are those of the window. The bytes `start..<scanned` are data that later bytes may still change the cut of, and the
/// last `zeroTail` of them zeros that may yet become a zero segment.
struct CutState: Sendable {
    let rule: CutRule
    let cut: ContentDefinedCut
    /// First byte not yet handed out.
    private(set) var start = 0
    /// End of the blocks that have been looked at.
    private(set) var scanned = 0
    private var zeroTail = 0
    /// Offset in the file of `start`.
    private(set) var startOffset: UInt64
    /// Length of the zero segment that ends at `start`, while in one; its bytes are not in the window any more.
    private(set) var zeroRun: UInt64 = 0

    /// - Parameters:
    ///   - start: Position in the window at which the cutting begins, as if a run began there.
    ///   - offset: Its offset in the file: a multiple of a zero block.
    init(_ rule: CutRule, _ cut: ContentDefinedCut, from start: Int = 0, offset: UInt64 = 0) {
        self.rule = rule
        self.cut = cut
        self.start = start
        scanned = start
        startOffset = offset
    }

    /// One segment: for data its place in the window.
    enum Piece {
        case data(Range<Int>)
        case zeros(UInt64)
    }

    /// Cuts what can be cut for certain of the window's bytes before `filled`.
    ///
    /// - Parameters:
    ///   - isAtEnd: Nothing follows: all of it can be.
    ///   - emit: Given each segment with the position at which the next one begins.
    mutating func advance(
        _ window: UnsafeRawBufferPointer, filled: Int, isAtEnd: Bool, _ emit: (Piece, Int) throws -> Void
    ) rethrows {
        while scanned < filled {
            let offset = startOffset + UInt64(scanned - start)
            let wanted = ZeroBlocks.blockBytes - Int(offset % UInt64(ZeroBlocks.blockBytes))
            let count = min(wanted, filled - scanned)
            guard count == wanted || isAtEnd else { break }
            let isZero = ZeroBlocks.isZero(UnsafeRawBufferPointer(rebasing: window[scanned..<(scanned + count)]))
            scanned += count
            if isZero {
                zeroTail += count
                if zeroRun > 0 || zeroTail >= ZeroBlocks.runBytesMin { try extendZeroRun(window, emit) }
            } else {
                zeroTail = 0
                try endZeroRun(emit)
            }
        }
        try cutData(window, to: scanned - zeroTail, isRunEnd: false, emit)
        guard isAtEnd else { return }
        try endZeroRun(emit)
        try cutData(window, to: filled, isRunEnd: true, emit)
    }

    /// Takes zeros that are not in the window, if they only make a zero segment longer: whole blocks, right behind one.
    /// Returns how many were taken.
    mutating func takeZeros(_ count: UInt64, filled: Int) -> UInt64 {
        let block = UInt64(ZeroBlocks.blockBytes)
        guard zeroRun > 0, start == filled, startOffset % block == 0, count >= block else { return 0 }
        let whole = count - count % block
        zeroRun += whole
        startOffset += whole
        return whole
    }

    /// The window has lost this many bytes at its beginning, none of them at or after `start`.
    mutating func drop(_ count: Int) {
        start -= count
        scanned -= count
    }

    /// The zeros at the end of what was scanned are a zero segment: the data before them ends there.
    private mutating func extendZeroRun(_ window: UnsafeRawBufferPointer, _ emit: (Piece, Int) throws -> Void) rethrows
    {
        try cutData(window, to: scanned - zeroTail, isRunEnd: true, emit)
        zeroRun += UInt64(zeroTail)
        startOffset += UInt64(zeroTail)
        start = scanned
        zeroTail = 0
    }

    private mutating func endZeroRun(_ emit: (Piece, Int) throws -> Void) rethrows {
        guard zeroRun > 0 else { return }
        let length = zeroRun
        zeroRun = 0
        try emit(.zeros(length), start)
    }

    /// Hands out the chunks before `end`; those that later bytes could still change are kept, unless the run ends there.
    private mutating func cutData(
        _ window: UnsafeRawBufferPointer, to end: Int, isRunEnd: Bool, _ emit: (Piece, Int) throws -> Void
    ) rethrows {
        while start < end {
            let size: Int
            switch rule {
            case .contentDefined:
                guard isRunEnd || end - start >= cut.profile.max else { return }
                size = cut.chunkSize(UnsafeRawBufferPointer(rebasing: window[start..<end]))
            case .pages:
                let page = Int(CutRule.pageBytes - startOffset % CutRule.pageBytes)
                guard isRunEnd || end - start >= page else { return }
                size = min(page, end - start)
            }
            start += size
            startOffset += UInt64(size)
            try emit(.data((start - size)..<start), start)
        }
    }
}
