internal import SnapModel

/// Paths, numbered from 0 as they come, and found again by their bytes.
///
/// Memory: the bytes of the paths, and some 16 bytes for each: a dictionary of arrays takes five times as much.
struct PathTable {
    private var bytes: [UInt8] = []
    /// Where each path ends in `bytes`.
    private var ends: [Int] = []
    /// Open addressing: a path's number plus 1, or 0 where there is none. A power of two of them.
    private var slots = [UInt32](repeating: 0, count: 64)

    var count: Int { ends.count }

    subscript(number: Int) -> [UInt8] { Array(bytes[range(number)]) }

    private func range(_ number: Int) -> Range<Int> {
        (number == 0 ? 0 : ends[number - 1])..<ends[number]
    }

    /// Adds a path. Returns its number; nil when it is there already.
    ///
    /// - Throws: ``FormatError`` at four thousand million paths.
    mutating func insert(_ path: [UInt8]) throws(FormatError) -> Int? {
        guard let mark = UInt32(exactly: ends.count + 1) else {
            throw FormatError(.limit, "There are more paths of hard links than can be kept.")
        }
        if (ends.count + 1) * 4 > slots.count * 3 { grow() }
        let slot = slot(of: path)
        guard slots[slot] == 0 else { return nil }
        slots[slot] = mark
        bytes += path
        ends.append(bytes.count)
        return ends.count - 1
    }

    func number(of path: [UInt8]) -> Int? {
        let mark = slots[slot(of: path)]
        return mark == 0 ? nil : Int(mark) - 1
    }

    /// The slot of a path, or the free one where it would be.
    private func slot(of path: [UInt8]) -> Int {
        var slot = path.withUnsafeBytes { home($0) }
        while slots[slot] != 0, !isPath(Int(slots[slot]) - 1, path) { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private func isPath(_ number: Int, _ path: [UInt8]) -> Bool {
        let range = range(number)
        return range.count == path.count && bytes[range].elementsEqual(path)
    }

    /// Seeded anew in each process, so that nobody can choose paths that collide.
    private func home(_ path: UnsafeRawBufferPointer) -> Int {
        var hasher = Hasher()
        hasher.combine(bytes: path)
        return hasher.finalize() & (slots.count - 1)
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for number in ends.indices {
            let range = range(number)
            var slot = bytes.withUnsafeBytes { home(UnsafeRawBufferPointer(rebasing: $0[range])) }
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }
}
