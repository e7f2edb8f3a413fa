/// Finds the end of a chunk: FastCDC on a 64-bit gear hash (`docs/format.md` section 3).
package struct ContentDefinedCut: Sendable {
    package let profile: ChunkerProfile
    private let gear: [UInt64]

    package init(profile: ChunkerProfile = .fastcdc1) {
        self.profile = profile
        gear = GearTable.values
        // An empty table means that OpenSSL has no SHA-256; every digest fails with a proper error then.
    }

    /// The size of the chunk that begins at the first of `bytes`.
    ///
    /// - Parameter bytes: What follows up to the end of the run, or at least `profile.max` bytes of it.
    /// - Complexity: One table look-up and shift a byte past the minimum.
    package func chunkSize(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > profile.min, let base = bytes.baseAddress, gear.count == 256 else { return bytes.count }
        // Bounds are checked here, once; the loops below stay within them.
        let end = Swift.min(bytes.count, profile.max)
        let middle = Swift.min(end, profile.average)
        return gear.withUnsafeBufferPointer { table in
            guard let gear = table.baseAddress else { return bytes.count }
            let input = base.assumingMemoryBound(to: UInt8.self)
            var hash: UInt64 = 0
            var position = profile.min - 64
            while position < profile.min {
                hash = (hash << 1) &+ gear[Int(input[position])]
                position += 1
            }
            if let cut = Self.scan(input, gear, &hash, from: position, to: middle, mask: profile.maskSmall) {
                return cut
            }
            position = Swift.max(position, middle)
            return Self.scan(input, gear, &hash, from: position, to: end, mask: profile.maskLarge) ?? end
        }
    }

    /// Feeds bytes until the hash says to cut; the size up to and with that byte.
    @inline(__always)
    private static func scan(
        _ input: UnsafePointer<UInt8>, _ gear: UnsafePointer<UInt64>, _ hash: inout UInt64, from start: Int,
        to end: Int, mask: UInt64
    ) -> Int? {
        var state = hash
        var position = start
        // Four bytes a turn: each hash is checked, but the loop's own work is paid once.
        while position + 4 <= end {
            let first = (state << 1) &+ gear[Int(input[position])]
            if first & mask == 0 { return position + 1 }
            let second = (first << 1) &+ gear[Int(input[position + 1])]
            if second & mask == 0 { return position + 2 }
            let third = (second << 1) &+ gear[Int(input[position + 2])]
            if third & mask == 0 { return position + 3 }
            state = (third << 1) &+ gear[Int(input[position + 3])]
            if state & mask == 0 { return position + 4 }
            position += 4
        }
        while position < end {
            state = (state << 1) &+ gear[Int(input[position])]
            position += 1
            if state & mask == 0 { return position }
        }
        hash = state
        return nil
    }
}
