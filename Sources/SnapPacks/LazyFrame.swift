internal import Synchronization

/// The raw bytes of a frame, decoded no further than somebody wanted them.
///
/// Most reads want a little of a frame, and all that lies behind it would be decoded in vain. Who wants more later goes on
/// where the last one stopped. Several threads may read; of those that want more, one decodes at a time. Memory: the raw
/// bytes, and until all of them are decoded the stored ones and a decoder.
///
/// Unchecked, because of the pointer: what it leads to is written under the lock of ``rest``, and read only up to
/// ``decoded``.
package final class LazyFrame: @unchecked Sendable {
    /// Raw bytes of the whole frame.
    package let count: Int
    /// Of a frame that is not compressed.
    private let plain: [UInt8]?
    /// The first ``decoded`` bytes never change.
    private let room: UnsafeMutableRawBufferPointer
    private let decoded = Atomic<Int>(0)
    private let rest: Mutex<Rest?>
    private let decoders: FrameDecoders

    /// What is left to be decoded. Unchecked: its decoder is used under the lock alone.
    private struct Rest: @unchecked Sendable {
        let stored: [UInt8]
        /// Once some of it is.
        var begun: (decoder: FrameDecoder, position: FrameDecoder.Position)?
    }

    /// - Parameter isChecked: Compare the stored bytes with their check first.
    /// - Throws: ``PackError/Code/corrupt`` when the bytes fail their check or do not begin as a frame of the format does.
    package init(_ stored: [UInt8], _ info: FrameInfo, isChecked: Bool, decoders: FrameDecoders) throws {
        let decoder = try decoders.take()
        defer { decoders.give(decoder) }
        try decoder.examine(stored, info, isChecked: isChecked)
        self.decoders = decoders
        count = Int(info.rawBytes)
        let isPlain = info.codec == .raw
        plain = isPlain ? stored : nil
        room = .allocate(byteCount: isPlain ? 0 : count, alignment: 16)
        rest = Mutex(isPlain ? nil : Rest(stored: stored))
    }

    deinit {
        if let begun = rest.withLock({ $0?.begun }) { decoders.give(begun.decoder) }
        room.deallocate()
    }

    /// Calls `body` with the first `end` bytes, at most ``count``, which are where they are as long as the frame is.
    ///
    /// - Throws: ``PackError/Code/corrupt`` when they cannot be decoded; and what `body` throws.
    package func withBytes<Result>(to end: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        try decode(to: end)
        if let plain { return try plain.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[..<end])) } }
        return try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(rebasing: room[..<end])) }
    }

    /// Has the first `end` bytes decoded, so that ``withBytes(to:_:)`` throws no more than its closure does.
    package func decode(to end: Int) throws {
        guard plain == nil, decoded.load(ordering: .acquiring) < end else { return }
        try rest.withLock { rest in
            let before = decoded.load(ordering: .relaxed)
            guard before < end else { return }
            guard var left = rest else {
                throw PackError(.corrupt, "A frame could not be decoded before.")
            }
            // What fails stays so: zstd cannot go on behind an error.
            rest = nil
            let decoder = try left.begun?.decoder ?? decoders.take()
            var isBegun = false
            defer { if !isBegun { decoders.give(decoder) } }
            guard left.begun != nil || end <= count - Self.blockBytes else {
                try decoder.decompress(left.stored, to: room)
                return decoded.store(count, ordering: .releasing)
            }
            var position = try left.begun?.position ?? decoder.begin()
            try decoder.advance(&position, of: left.stored, to: end, in: room)
            decoded.store(position.raw, ordering: .releasing)
            guard position.raw < count else { return }
            isBegun = true
            left.begun = (decoder, position)
            rest = left
        }
    }

    /// The most that a block holds (RFC 8878 section 3.1.1.2.3): what ends in the last one needs the whole frame.
    private static let blockBytes = 128 << 10
}

/// Decoders that nobody uses at the moment; kept, since each has some 200 KB.
package final class FrameDecoders: Sendable {
    private let idle = Mutex<[FrameDecoder]>([])

    package init() {}

    func take() throws -> FrameDecoder { try idle.withLock { $0.popLast() } ?? FrameDecoder() }
    func give(_ decoder: FrameDecoder) { idle.withLock { $0.append(decoder) } }

    /// Lends one.
    package func withDecoder<Result>(_ body: (FrameDecoder) throws -> Result) throws -> Result {
        let decoder = try take()
        defer { give(decoder) }
        return try body(decoder)
    }
}
