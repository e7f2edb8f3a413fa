/// Digests as people and JSON see them: `sha256:` and 64 lower-case hexadecimal digits.
extension Digest: CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public var hex: String { Hex.encode(bytes) }

    /// `sha256:` and the hexadecimal digits.
    public var description: String { "sha256:" + hex }

    /// The digest written as exactly 64 lower-case hexadecimal digits; nil for anything else.
    public init?(hex: some StringProtocol) {
        guard hex.utf8.count == 2 * Digest.byteCount, let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes: bytes)
    }

    /// The digest written as `sha256:` and 64 lower-case hexadecimal digits; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.hasPrefix("sha256:") else { return nil }
        self.init(hex: text.dropFirst(7))
    }
}
