/// What a store could not do, in a sentence that names the thing, and what to type next.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Open list of what can be wrong; `docs/cli.md` gives the exit code of each.
    public struct Code: Hashable, Sendable, RawRepresentable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// No such store, snapshot, path or object.
        public static let notFound = Code(rawValue: "not_found")
        /// The caller, or the operating system's rights, do not permit it.
        public static let notAllowed = Code(rawValue: "not_allowed")
        /// A tag, digest or directory is not as the caller said it must be.
        public static let preconditionFailed = Code(rawValue: "precondition_failed")
        /// It would take more than the organisation may hold.
        public static let quotaExceeded = Code(rawValue: "quota_exceeded")
        /// Stored bytes are not what they were.
        public static let corrupt = Code(rawValue: "corrupt")
        /// Another process is in the way; trying again helps.
        public static let busy = Code(rawValue: "busy")
        /// The disk is full.
        public static let outOfSpace = Code(rawValue: "out_of_space")
        /// The operating system reported a failure.
        public static let io = Code(rawValue: "io")
        /// A value from outside is not of the right form.
        public static let invalid = Code(rawValue: "invalid")
        /// Stopped by the caller.
        public static let interrupted = Code(rawValue: "interrupted")
        /// A snapshot names objects that are nowhere to be found.
        public static let incomplete = Code(rawValue: "incomplete")
    }

    public let code: Code
    /// A sentence that names the thing.
    public let message: String
    /// What to do, or to type, next.
    public let hint: String?

    public init(_ code: Code, _ message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    public var description: String { hint.map { message + " " + $0 } ?? message }
}
