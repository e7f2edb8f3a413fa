/// A set of bytes, kept as the ranges that it is made of: as small as what it stands for is in one piece.
package struct ByteRanges {
    /// In order, with a gap between each and the next.
    package private(set) var ranges: [Range<Int64>] = []
    /// How many bytes there are.
    package private(set) var count: Int64 = 0

    package init() {}

    package func contains(_ byte: Int64) -> Bool {
        let next = index(after: byte)
        return next > 0 && byte < ranges[next - 1].upperBound
    }

    /// Adds a range, unless its first byte is there already. Says whether it was added: no further than to the range after
    /// it.
    package mutating func insert(_ new: Range<Int64>) -> Bool {
        guard !new.isEmpty, !contains(new.lowerBound) else { return false }
        var next = index(after: new.lowerBound)
        var end = new.upperBound
        if next < ranges.count { end = min(end, ranges[next].lowerBound) }
        count += end - new.lowerBound
        var start = new.lowerBound
        if next < ranges.count, ranges[next].lowerBound == end {
            end = ranges[next].upperBound
            ranges.remove(at: next)
        }
        if next > 0, ranges[next - 1].upperBound == start {
            next -= 1
            start = ranges[next].lowerBound
            ranges[next] = start..<end
        } else {
            ranges.insert(start..<end, at: next)
        }
        return true
    }

    package mutating func formUnion(_ other: ByteRanges) {
        for range in other.ranges {
            // What of it is there already splits it.
            var start = range.lowerBound
            while start < range.upperBound {
                let next = index(after: start)
                if next > 0, start < ranges[next - 1].upperBound {
                    start = ranges[next - 1].upperBound
                } else {
                    let end = next < ranges.count ? min(range.upperBound, ranges[next].lowerBound) : range.upperBound
                    _ = insert(start..<end)
                    start = end
                }
            }
        }
    }

    /// The first range that begins after a byte.
    private func index(after byte: Int64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].lowerBound <= byte { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
