internal import SnapCore

/// Reads an archive from a pipe or file: blocks, and bytes straight into the buffers of those who want them.
///
/// Memory: 256 KiB, and as much of a record as has come.
final class TarInput {
    private let source: (UnsafeMutableRawBufferPointer) throws -> Int
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    private var start = 0
    private var end = 0
    private var hasEnded = false
    /// Bytes taken so far.
    private(set) var offset: UInt64 = 0

    /// - Parameter source: Fills a part of the buffer and says how much; 0 at the end.
    init(_ source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        self.source = source
    }

    deinit { buffer.deallocate() }

    var truncated: StoreError {
        StoreError(
            .corrupt, "The archive ends at byte \(offset), before it should.",
            hint: "Make or fetch it again: it was cut.")
    }

    /// The next bytes without taking them; fewer than asked for only at the end.
    func peek(_ count: Int) throws -> [UInt8] {
        while end - start < count, !hasEnded { try fill() }
        return Array(buffer[start..<min(end, start + count)])
    }

    /// The next block; nil where the archive ends.
    func block() throws -> [UInt8]? {
        let block = try peek(TarHeader.blockBytes)
        if block.isEmpty { return nil }
        take(block.count)
        guard block.count == TarHeader.blockBytes else { throw truncated }
        return block
    }

    /// So many bytes. Memory is given for them as they come.
    func bytes(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            if start == end { try fill() }
            guard start < end else { throw truncated }
            let taken = min(count - bytes.count, end - start)
            bytes.append(contentsOf: buffer[start..<(start + taken)])
            take(taken)
        }
        return bytes
    }

    /// Fills a part of `room`, at least one byte of it.
    func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        // What is in the buffer first; large files then go past it.
        if start == end, room.count >= buffer.count, !hasEnded {
            let count = try source(room)
            hasEnded = count == 0
            offset += UInt64(count)
            guard count > 0 else { throw truncated }
            return count
        }
        if start == end { try fill() }
        let count = min(room.count, end - start)
        guard count > 0 else { throw truncated }
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<(start + count)]))
        take(count)
        return count
    }

    func skip(_ count: UInt64) throws {
        var left = count
        while left > 0 {
            if start == end { try fill() }
            guard start < end else { throw truncated }
            let taken = Int(min(left, UInt64(end - start)))
            take(taken)
            left -= UInt64(taken)
        }
    }

    /// Takes all that is left, so that a program that writes to a pipe is not killed. Says whether it was only zeros.
    func drain() throws -> Bool {
        var isZero = true
        while true {
            if start == end { try fill() }
            guard start < end else { return isZero }
            isZero = isZero && buffer[start..<end].allSatisfy { $0 == 0 }
            take(end - start)
        }
    }

    private func take(_ count: Int) {
        start += count
        offset += UInt64(count)
    }

    /// Gets more after what is there.
    private func fill() throws {
        guard !hasEnded else { return }
        if start > 0 {
            // At most a block is left when more is asked for.
            UnsafeMutableRawBufferPointer(rebasing: buffer[..<(end - start)]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            end -= start
            start = 0
        }
        let count = try source(UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
        hasEnded = count == 0
        end += count
    }
}
