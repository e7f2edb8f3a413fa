/// What went wrong with packs.
package struct PackError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Open list of what can be wrong.
    package struct Code: Hashable, Sendable, RawRepresentable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// Stored bytes are not what they were, or never were a pack.
        package static let corrupt = Code(rawValue: "corrupt")
        /// The pack is not there.
        package static let missing = Code(rawValue: "missing")
        /// No room.
        package static let outOfSpace = Code(rawValue: "out_of_space")
        /// The back end failed.
        package static let io = Code(rawValue: "io")
    }

    package let code: Code
    /// A sentence that names the thing.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
