/// Collects the blocks of an archive into pieces worth writing.
final class TarOutput {
    private static let pieceBytes = 256 << 10
    /// Programs that write tapes write so many bytes at once, and the archive is filled up to that.
    private static let recordBytes: UInt64 = 20 * UInt64(TarHeader.blockBytes)

    private let write: ([UInt8]) throws -> Void
    private var pending: [UInt8] = []
    private(set) var bytes: UInt64 = 0

    init(_ write: @escaping ([UInt8]) throws -> Void) {
        self.write = write
    }

    func append(_ more: [UInt8]) throws {
        pending += more
        bytes += UInt64(more.count)
        if pending.count >= Self.pieceBytes { try flush() }
    }

    func appendZeros(_ count: UInt64) throws {
        var left = count
        while left > 0 {
            let part = Int(min(left, UInt64(Self.pieceBytes)))
            try append([UInt8](repeating: 0, count: part))
            left -= UInt64(part)
        }
    }

    /// Fills the block that the data of a member end in.
    func pad() throws { try appendZeros(UInt64(TarHeader.padding(after: bytes))) }

    /// Two blocks of zeros, and more to the end of a record.
    func finish() throws {
        try appendZeros(2 * UInt64(TarHeader.blockBytes))
        let over = bytes % Self.recordBytes
        if over > 0 { try appendZeros(Self.recordBytes - over) }
        try flush()
    }

    private func flush() throws {
        guard !pending.isEmpty else { return }
        try write(pending)
        pending.removeAll(keepingCapacity: true)
    }
}
