internal import SnapDigest

/// The name of a pack: 16 random bytes. Never shown to tenants.
package struct PackID: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    package init?(bytes: [UInt8]) {
        guard bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// From 32 lower-case hexadecimal digits.
    package init?(_ text: some StringProtocol) {
        guard let bytes = Hex.decode(text) else { return nil }
        self.init(bytes: bytes)
    }

    package var description: String { Hex.encode(bytes) }
}
