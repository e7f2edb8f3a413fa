package import SnapDigest

/// A stretch of a file, as ``StreamCutter`` hands it out. The bytes are valid only during the call.
package enum CutSegment {
    /// With the digest of the bytes, where it is known already.
    case data(UnsafeRawBufferPointer, Digest?)
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
/// The result does not depend on how the source slices its bytes, on whether zeros come as bytes or as holes, nor on how
/// many threads cut. Memory: one buffer of 1 MiB, and for big files another of 8 MiB; both are reused from file to file.
/// For one thread at a time.
package final class StreamCutter {
    /// Files from this size on are worth several threads.
    package static let bigFileBytes: UInt64 = 16 << 20
    private static let bufferBytes = 1 << 20
    private static let bigBufferBytes = 8 << 20
    /// Windows that are cut by one thread after one in which the others were of no use.
    private static let windowsAlone = 16

    private let cut: ContentDefinedCut
    private let threads: Int
    private let concurrently: Concurrently?
    private let hasher = try? SHA256()
    private var buffer = Buffer(bytes: StreamCutter.bufferBytes)
    private var bigBuffer: Buffer?

    /// - Parameters:
    ///   - threads: How many may cut one big file.
    ///   - concurrently: Runs them; without it one thread cuts everything.
    package init(profile: ChunkerProfile = .fastcdc1, threads: Int = 1, concurrently: Concurrently? = nil) {
        cut = ContentDefinedCut(profile: profile)
        self.threads = threads
        self.concurrently = threads > 1 ? concurrently : nil
    }

    /// Cuts one file.
    ///
    /// - Parameters:
    ///   - expected: About how many bytes it has: a big one is cut by several threads.
    ///   - read: Fills (part of) the buffer it is given, or says that zeros or the end come next.
    ///   - emit: Given each segment in order.
    package func cut(
        _ rule: CutRule, expecting expected: UInt64 = 0,
        read: (UnsafeMutableRawBufferPointer) throws -> CutInput, emit: (CutSegment) throws -> Void
    ) throws {
        guard concurrently != nil, expected >= Self.bigFileBytes else {
            return try cut(rule, in: buffer, read: read, emit: emit)
        }
        let big = bigBuffer ?? Buffer(bytes: Self.bigBufferBytes)
        bigBuffer = big
        try cut(rule, in: big, read: read, emit: emit)
    }

    /// Cuts what is in memory as if it were read from a file.
    package func cut(
        _ rule: CutRule, of bytes: UnsafeRawBufferPointer, emit: (CutSegment) throws -> Void
    ) throws {
        var left = bytes[...]
        func read(into room: UnsafeMutableRawBufferPointer) -> CutInput {
            let next = left.prefix(room.count)
            guard !next.isEmpty else { return .end }
            room.copyMemory(from: UnsafeRawBufferPointer(rebasing: next))
            left = left.dropFirst(next.count)
            return .bytes(next.count)
        }
        try cut(rule, expecting: UInt64(bytes.count), read: read, emit: emit)
    }

    private func cut(
        _ rule: CutRule, in buffer: Buffer, read: (UnsafeMutableRawBufferPointer) throws -> CutInput,
        emit: (CutSegment) throws -> Void
    ) throws {
        var state = CutState(rule, cut)
        var filled = 0
        var hole: UInt64 = 0
        var isAtEnd = false
        var windowsAlone = 0
        func hand(_ piece: CutState.Piece, _ digest: Digest?) throws {
            switch piece {
            case .data(let range): try emit(.data(buffer.slice(range), digest))
            case .zeros(let size): try emit(.zeros(size))
            }
        }
        while !isAtEnd {
            let dropped = buffer.makeRoom(before: state.start, filled: &filled)
            state.drop(dropped)
            hole -= state.takeZeros(hole, filled: filled)
            while filled < buffer.count, !isAtEnd {
                let room = buffer.room(from: filled)
                if hole > 0 {
                    // Zeros that are, or may be, part of data: enough to tell, then the rest is only counted. That is
                    // done in whole blocks, so this ends with one, also where a hole does not begin with one.
                    let most = min(hole, UInt64(room.count), 2 * ZeroBlocks.runBytesMin)
                    let offset = state.startOffset + UInt64(filled - state.start)
                    let over = (offset + most) % UInt64(ZeroBlocks.blockBytes)
                    let count = Int(most > over ? most - over : most)
                    room[..<count].initializeMemory(as: UInt8.self, repeating: 0)
                    hole -= UInt64(count)
                    filled += count
                    break
                }
                switch try read(room) {
                case .bytes(let count): filled += min(count, room.count)
                case .zeros(let count): hole = count
                case .end: isAtEnd = true
                }
                if hole > 0 { break }
            }
            let window = buffer.slice(0..<filled)
            if let concurrently, windowsAlone == 0, filled - state.scanned >= Self.bigBufferBytes / 4 {
                let speculative = SpeculativeCut(
                    window, from: state, isAtEnd: isAtEnd, slices: threads, concurrently: concurrently)
                if try speculative.run(&state, hand) == 0 { windowsAlone = Self.windowsAlone }
            } else {
                windowsAlone = max(0, windowsAlone - 1)
                var pieces: [CutState.Piece] = []
                state.advance(window, filled: filled, isAtEnd: isAtEnd) { piece, _ in pieces.append(piece) }
                // One is left to who takes it: it may not need a digest.
                let digests = pieces.count > 1 ? hasher?.digests(of: pieces, in: window) : nil
                for (number, piece) in pieces.enumerated() { try hand(piece, digests?[number] ?? nil) }
            }
        }
    }

    /// Bytes in memory of a fixed size.
    private final class Buffer {
        private let memory: UnsafeMutableRawBufferPointer

        init(bytes: Int) {
            memory = .allocate(byteCount: bytes, alignment: 4096)
        }

        deinit { memory.deallocate() }

        var count: Int { memory.count }

        func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[range]) }

        func room(from position: Int) -> UnsafeMutableRawBufferPointer {
            UnsafeMutableRawBufferPointer(rebasing: memory[position...])
        }

        /// Moves what begins at `start` to the front once less than half of the buffer is free. Returns by how much.
        func makeRoom(before start: Int, filled: inout Int) -> Int {
            guard start > 0, count - filled < count / 2, let base = memory.baseAddress else { return 0 }
            base.copyMemory(from: base + start, byteCount: filled - start)
            filled -= start
            return start
        }
    }
}

extension SHA256 {
    /// The digests of the chunks among some pieces of a window, several at a time; nil for zeros.
    func digests(of pieces: [CutState.Piece], in window: UnsafeRawBufferPointer) -> [Digest?] {
        var messages: [UnsafeRawBufferPointer] = []
        messages.reserveCapacity(pieces.count)
        for case .data(let range) in pieces { messages.append(UnsafeRawBufferPointer(rebasing: window[range])) }
        var digests = digests(messages).makeIterator()
        return pieces.map { piece in
            guard case .data = piece else { return nil }
            return digests.next()
        }
    }
}
