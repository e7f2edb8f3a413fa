/// What went wrong in the catalogue.
package struct CatalogueError: Error, Sendable, CustomStringConvertible {
    /// Open list of what can be wrong.
    package struct Code: Hashable, Sendable, RawRepresentable {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }

        /// No catalogue file is there.
        package static let missing = Code(rawValue: "missing")
        /// The file is not a sound SQLite database, or a row says what it must not.
        package static let corrupt = Code(rawValue: "corrupt")
        /// Written by a newer version of snapstore.
        package static let newer = Code(rawValue: "newer")
        /// Another process kept the writer's lock until the deadline.
        package static let busy = Code(rawValue: "busy")
        /// No room on the disk.
        package static let outOfSpace = Code(rawValue: "out_of_space")
        /// The file system takes no writes.
        package static let readOnly = Code(rawValue: "read_only")
        /// The disk failed.
        package static let io = Code(rawValue: "io")
        /// A write transaction touched more rows than the rule allows: a mistake in snapstore.
        package static let tooManyRows = Code(rawValue: "too_many_rows")
    }

    package let code: Code
    /// A sentence that names the thing and says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
