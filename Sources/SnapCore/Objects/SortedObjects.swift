internal import SnapDigest
internal import SnapModel

/// Some objects in order, to be asked which one of them a key is: 32 bytes each, and four for every eighth.
///
/// Digests are spread evenly, so the first bits tell nearly where one would be. Who makes many with the same first bits
/// gets a binary search.
struct SortedObjects: Sendable {
    private struct Digests: Sendable {
        let sorted: [Digest]
        /// How many objects come before them.
        let first: Int
        /// For each value of the first bits: how many digests come before the first that begins so.
        private let starts: [UInt32]
        private let shift: UInt64

        init(_ sorted: [Digest], first: Int) {
            self.sorted = sorted
            self.first = first
            let bits = UInt64(max(1, UInt64.bitWidth - (sorted.count / 8).leadingZeroBitCount))
            shift = 64 - bits
            var starts: [UInt32] = []
            starts.reserveCapacity(1 << bits + 1)
            for (number, digest) in sorted.enumerated() {
                while starts.count <= digest.head >> shift { starts.append(UInt32(number)) }
            }
            while starts.count <= 1 << bits { starts.append(UInt32(sorted.count)) }
            self.starts = starts
        }

        func number(of digest: Digest) -> Int? {
            let bits = Int(digest.head >> shift)
            var (low, high) = (Int(starts[bits]), Int(starts[bits + 1]))
            while low < high {
                let middle = (low + high) / 2
                if sorted[middle] == digest { return first + middle }
                if sorted[middle] < digest { low = middle + 1 } else { high = middle }
            }
            return nil
        }
    }

    private var kinds: [Digests?] = []

    /// - Parameter keys: In order, each once; fewer than 2^32.
    init(_ keys: [ObjectKey]) {
        var rest = keys[...]
        while let kind = rest.first?.kind {
            let own = rest.prefix { $0.kind == kind }
            while kinds.count <= Int(kind.rawValue) { kinds.append(nil) }
            kinds[Int(kind.rawValue)] = Digests(own.map(\.digest), first: own.startIndex)
            rest = rest.dropFirst(own.count)
        }
    }

    /// Which of the keys it is.
    func number(of key: ObjectKey) -> Int? {
        let kind = Int(key.kind.rawValue)
        return kind < kinds.count ? kinds[kind]?.number(of: key.digest) : nil
    }
}
