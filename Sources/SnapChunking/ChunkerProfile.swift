/// How content-defined chunks are cut: frozen with the store's format.
package struct ChunkerProfile: Sendable, Hashable {
    package let name: String
    /// Sizes in bytes; `average` is a power of two, `min` at least 64.
    package let min: Int
    package let average: Int
    package let max: Int
    /// Bits of the hash that must be zero before, and from, the average size on.
    let maskSmall: UInt64
    let maskLarge: UInt64

    /// Normalised chunking of level 2 (FastCDC, Xia et al. 2016): two bits more before the average, two fewer after.
    package init(name: String, min: Int, averageBits: Int, max: Int) {
        self.name = name
        self.min = min
        self.average = 1 << averageBits
        self.max = max
        maskSmall = ~0 << UInt64(64 - averageBits - 2)
        maskLarge = ~0 << UInt64(64 - averageBits + 2)
    }

    /// The profile of format 1; `docs/decisions/` tells how it was chosen.
    package static let fastcdc1 = ChunkerProfile(name: "fastcdc-1", min: 4 << 10, averageBits: 14, max: 64 << 10)
}
