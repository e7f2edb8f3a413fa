internal import CSnapChunking

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
        // Bounds are checked here, once: min < end, and what is scanned stays within them.
        let end = Swift.min(bytes.count, profile.max)
        let middle = Swift.min(end, profile.average)
        return gear.withUnsafeBufferPointer { table in
            guard let gear = table.baseAddress else { return bytes.count }
            let input = base.assumingMemoryBound(to: UInt8.self)
            var hash: UInt64 = 0
            for position in (profile.min - 64)..<profile.min {
                hash = (hash << 1) &+ gear[Int(input[position])]
            }
            let position = Swift.max(profile.min, middle)
            let small = snap_gear_scan(
                input + profile.min, position - profile.min, gear, profile.maskSmall, &hash)
            if small > 0 { return profile.min + small }
            let large = snap_gear_scan(input + position, end - position, gear, profile.maskLarge, &hash)
            return large > 0 ? position + large : end
        }
    }
}
