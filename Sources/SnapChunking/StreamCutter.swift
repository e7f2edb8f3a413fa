/// A stretch of a file, as ``StreamCutter`` hands it out. The bytes are valid only during the call.
package enum CutSegment {
    case data(UnsafeRawBufferPointer)
    case zeros(UInt64)
}

/// What a source has delivered.
package enum CutInput: Sendable {
    /// So many bytes are in the buffer; at least one.
    case bytes(Int)
    /// So many zero bytes follow, which were not read: a hole.
    case zeros(UInt64)
    case end
}

/// How a stream is cut.
package enum CutRule: Sendable {
    /// By content.
    case contentDefined
    /// At every multiple of 64 KiB of the file.
    case pages

    static let pageBytes: UInt64 = 64 << 10
}

/// Splits the bytes of a file into chunks and zero segments (`docs/format.md` section 3).
///
/// The result does not depend on how the source slices its bytes, nor on whether zeros come as bytes or as holes.
/// Memory: one buffer of 1 MiB, reused from file to file. For one thread at a time.
package final class StreamCutter {
    private static let capacity = 1 << 20

    private let cut: ContentDefinedCut
    private let buffer: UnsafeMutableRawBufferPointer

    // The buffer holds `start..<filled`: data not yet handed out, of which the blocks before `scanned` have been looked
    // at. The last `zeroTail` bytes before `scanned` are zeros that may yet become a zero segment.
    private var start = 0
    private var scanned = 0
    private var filled = 0
    private var zeroTail = 0
    /// Offset in the file of `start`.
    private var startOffset: UInt64 = 0
    /// Length of the zero segment that ends at `start`, while in one; its bytes are no longer in the buffer.
    private var zeroRun: UInt64 = 0

    package init(profile: ChunkerProfile = .fastcdc1) {
        cut = ContentDefinedCut(profile: profile)
        buffer = .allocate(byteCount: Self.capacity, alignment: 4096)
    }

    deinit { buffer.deallocate() }

    /// Cuts one file.
    ///
    /// - Parameters:
    ///   - read: Fills (part of) the buffer it is given, or says that zeros or the end come next.
    ///   - emit: Given each segment in order.
    package func cut(
        _ rule: CutRule, read: (UnsafeMutableRawBufferPointer) throws -> CutInput,
        emit: (CutSegment) throws -> Void
    ) throws {
        (start, scanned, filled, zeroTail, startOffset, zeroRun) = (0, 0, 0, 0, 0, 0)
        var hole: UInt64 = 0
        var isAtEnd = false
        while !isAtEnd {
            makeRoom()
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            if hole > 0 {
                hole -= take(hole: hole, room)
            } else {
                switch try read(room) {
                case .bytes(let count): filled += min(count, room.count)
                case .zeros(let count): hole = count
                case .end: isAtEnd = true
                }
            }
            try scan(isAtEnd: isAtEnd, rule, emit)
        }
        if zeroRun > 0 { try emit(.zeros(zeroRun)) }
        try emitChunks(to: filled, isRunEnd: true, rule, emit)
    }

    private func makeRoom() {
        guard start > 0, buffer.count - filled < buffer.count / 2, let base = buffer.baseAddress else { return }
        base.copyMemory(from: base + start, byteCount: filled - start)
        filled -= start
        scanned -= start
        start = 0
    }

    /// Takes zeros that were not read: whole blocks within a zero segment are only counted, others go through the
    /// buffer. Returns how many were taken.
    private func take(hole: UInt64, _ room: UnsafeMutableRawBufferPointer) -> UInt64 {
        let block = UInt64(ZeroBlocks.blockBytes)
        if zeroRun > 0, start == filled, startOffset % block == 0, hole >= block {
            let whole = hole - hole % block
            zeroRun += whole
            startOffset += whole
            return whole
        }
        let count = Int(min(hole, UInt64(room.count)))
        room[..<count].initializeMemory(as: UInt8.self, repeating: 0)
        filled += count
        return UInt64(count)
    }

    /// Looks at each whole block, and at the end at the last part of one: zero or data?
    private func scan(isAtEnd: Bool, _ rule: CutRule, _ emit: (CutSegment) throws -> Void) throws {
        while scanned < filled {
            let offset = startOffset + UInt64(scanned - start)
            let wanted = ZeroBlocks.blockBytes - Int(offset % UInt64(ZeroBlocks.blockBytes))
            let count = min(wanted, filled - scanned)
            guard count == wanted || isAtEnd else { break }
            let isZero = ZeroBlocks.isZero(UnsafeRawBufferPointer(rebasing: buffer[scanned..<(scanned + count)]))
            scanned += count
            if isZero {
                zeroTail += count
                if zeroRun > 0 || zeroTail >= ZeroBlocks.runBytesMin { try extendZeroRun(rule, emit) }
            } else {
                zeroTail = 0
                if zeroRun > 0 {
                    try emit(.zeros(zeroRun))
                    zeroRun = 0
                }
            }
        }
        try emitChunks(to: scanned - zeroTail, isRunEnd: false, rule, emit)
    }

    /// The zeros at the end of what was scanned are a zero segment: the data before them ends there.
    private func extendZeroRun(_ rule: CutRule, _ emit: (CutSegment) throws -> Void) throws {
        try emitChunks(to: scanned - zeroTail, isRunEnd: true, rule, emit)
        zeroRun += UInt64(zeroTail)
        startOffset += UInt64(zeroTail)
        start = scanned
        zeroTail = 0
    }

    /// Hands out the chunks before `end`; those that later bytes could still change are kept, unless the run ends there.
    private func emitChunks(to end: Int, isRunEnd: Bool, _ rule: CutRule, _ emit: (CutSegment) throws -> Void) throws {
        while start < end {
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<end])
            let size: Int
            switch rule {
            case .contentDefined:
                guard isRunEnd || bytes.count >= cut.profile.max else { return }
                size = cut.chunkSize(bytes)
            case .pages:
                let page = Int(CutRule.pageBytes - startOffset % CutRule.pageBytes)
                guard isRunEnd || bytes.count >= page else { return }
                size = min(page, bytes.count)
            }
            try emit(.data(UnsafeRawBufferPointer(rebasing: bytes[..<size])))
            start += size
            startOffset += UInt64(size)
        }
    }
}
