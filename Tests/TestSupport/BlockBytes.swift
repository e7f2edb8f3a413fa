/// The bytes of a file, in blocks of 4 KiB that copies share: a copy costs little, and so does the hash of one.
package struct BlockBytes: Hashable, Sendable {
    /// Never changed; what is beyond the end of the file is zero.
    private final class Block: Hashable, Sendable {
        let bytes: [UInt8]
        let fingerprint: Int

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            var hasher = Hasher()
            bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
            fingerprint = hasher.finalize()
        }

        static let zeros = Block([UInt8](repeating: 0, count: BlockBytes.blockBytes))

        static func == (left: Block, right: Block) -> Bool { left === right || left.bytes == right.bytes }
        func hash(into hasher: inout Hasher) { hasher.combine(fingerprint) }
    }

    package static let blockBytes = 4096

    package private(set) var count = 0
    private var blocks: [Block] = []

    package init() {}

    /// Cuts off what is too long, or appends zeros.
    package mutating func resize(to size: Int) {
        let needed = (size + Self.blockBytes - 1) / Self.blockBytes
        if needed < blocks.count { blocks.removeLast(blocks.count - needed) }
        while blocks.count < needed { blocks.append(.zeros) }
        let rest = size % Self.blockBytes
        if size < count, rest > 0, let last = blocks.popLast() {
            blocks.append(Block(last.bytes[..<rest] + [UInt8](repeating: 0, count: Self.blockBytes - rest)))
        }
        count = size
    }

    package mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        let end = offset + bytes.count
        if end > count { resize(to: end) }
        for piece in Self.pieces(offset..<end) {
            let number = piece.lowerBound / Self.blockBytes
            let start = piece.lowerBound % Self.blockBytes
            var block = blocks[number].bytes
            let source = (bytes.startIndex + piece.lowerBound - offset)..<(bytes.startIndex + piece.upperBound - offset)
            block.replaceSubrange(start..<(start + piece.count), with: bytes[source])
            blocks[number] = Block(block)
        }
    }

    /// A range of bytes, cut where blocks end.
    package static func pieces(_ range: Range<Int>) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, (start / blockBytes + 1) * blockBytes)
            pieces.append(start..<end)
            start = end
        }
        return pieces
    }

    package var bytes: [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(blocks.count * Self.blockBytes)
        for block in blocks { all += block.bytes }
        all.removeLast(all.count - count)
        return all
    }
}
