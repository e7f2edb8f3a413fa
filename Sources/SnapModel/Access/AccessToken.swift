public import SnapDigest

/// The secret by which a client says who it is: `snap_`, 64 hexadecimal digits of 256 random bits, and 8 that check them.
///
/// The prefix lets scanners find tokens that got out, and the check tells a token that was copied badly from one that was
/// revoked, without a question to any server. Not `CustomStringConvertible`, so that no log shows it by accident.
public struct AccessToken: Sendable {
    /// What the client sends.
    public let text: String

    private static let prefix = "snap_"
    private static let randomDigits = 64
    private static let checkDigits = 8

    /// A new one from the system's random numbers.
    public init() throws {
        var generator = SystemRandomNumberGenerator()
        let random = (0..<Self.randomDigits / 2).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let body = Self.prefix + Hex.encode(random)
        text = body + (try Self.check(of: body))
    }

    /// - Throws: ``FormatError/Code/range`` for what is no token; the error does not repeat it.
    public init(_ text: String) throws {
        let bytes = Array(text.utf8)
        let body = String(decoding: bytes.dropLast(Self.checkDigits), as: UTF8.self)
        guard bytes.count == Self.prefix.utf8.count + Self.randomDigits + Self.checkDigits,
            body.hasPrefix(Self.prefix), Hex.decode(body.dropFirst(Self.prefix.count)) != nil,
            try text == body + Self.check(of: body)
        else {
            throw FormatError(.range, "The token is none: it is incomplete, or was changed on its way.")
        }
        self.text = text
    }

    /// What a store keeps of it.
    public func digest() throws -> Digest { try SHA256().digest(Array(text.utf8)) }

    private static func check(of body: String) throws -> String {
        String(try SHA256().digest(Array(body.utf8)).hex.prefix(checkDigits))
    }
}
