/// Random numbers that can be had again: SplitMix64 (Steele, Lea and Flood 2014).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) {
        state = seed
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            withUnsafeBytes(of: next()) { bytes.append(contentsOf: $0) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// How much the tests do, and with which random numbers.
package enum TestScale {
    /// `SNAPSTORE_TEST_SCALE`, 1 unless set: multiplies counts.
    package static let factor = ProcessEnvironment.value("SNAPSTORE_TEST_SCALE").flatMap { Int($0) } ?? 1

    /// `SNAPSTORE_TEST_SEED`, or a new seed; printed, so that a failure can be repeated.
    package static func seed(_ test: String) -> UInt64 {
        let seed =
            ProcessEnvironment.value("SNAPSTORE_TEST_SEED").flatMap { UInt64($0) }
            ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("\(test): SNAPSTORE_TEST_SEED=\(seed)")
        return seed
    }
}
