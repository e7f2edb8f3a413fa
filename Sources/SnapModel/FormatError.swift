/// Bytes that are not what the format says, or a value that the format cannot hold.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Open list of what can be wrong.
    public struct Code: Hashable, Sendable, RawRepresentable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The bytes end too early.
        public static let truncated = Code(rawValue: "truncated")
        /// More bytes follow than the value takes.
        public static let trailingBytes = Code(rawValue: "trailing_bytes")
        /// Wrong magic, version, type, level, flag or field.
        public static let unknown = Code(rawValue: "unknown")
        /// A second encoding of a value that has another.
        public static let notCanonical = Code(rawValue: "not_canonical")
        /// Entries out of order or twice.
        public static let order = Code(rawValue: "order")
        /// A value outside its range.
        public static let range = Code(rawValue: "range")
        /// Beyond a documented limit.
        public static let limit = Code(rawValue: "limit")
    }

    public let code: Code
    /// A sentence that names the thing.
    public let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
