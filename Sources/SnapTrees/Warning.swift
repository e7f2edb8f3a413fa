/// One thing that a job could not do as asked while the rest went on: it is named, and the command exits with 3.
package struct Warning: Sendable, Hashable {
    /// Open list of reasons, as they appear in JSON.
    package struct Code: Sendable, Hashable, RawRepresentable, CustomStringConvertible {
        package let rawValue: String
        package init(rawValue: String) { self.rawValue = rawValue }
        package var description: String { rawValue }

        /// It changed while it was read, each time.
        package static let changed = Code(rawValue: "changed")
        /// It was there when its directory was listed and gone when it was read.
        package static let vanished = Code(rawValue: "vanished")
        /// It could not be read and was left out.
        package static let unreadable = Code(rawValue: "unreadable")
        /// The format, or the target, cannot hold it.
        package static let unsupported = Code(rawValue: "unsupported")
        /// Not permitted to this user.
        package static let notPermitted = Code(rawValue: "not_permitted")
    }

    package let code: Code
    /// Relative to the root of the tree, without a leading `/`; empty for the root itself.
    package let path: [UInt8]
    /// A sentence that names the thing and says what came of it.
    package let message: String

    package init(_ code: Code, path: [UInt8], message: String) {
        self.code = code
        self.path = path
        self.message = message
    }
}

/// The warnings of one job: the first ones in full, all of them counted, so that a tree of a million unreadable files
/// takes no memory.
package struct WarningList: Sendable {
    /// Warnings kept in full.
    package static let keptMax = 1000

    package private(set) var kept: [Warning] = []
    /// All of them, kept or not.
    package private(set) var count: UInt64 = 0

    package init() {}

    /// - Parameter count: At least that of `kept`.
    init(kept: [Warning], count: UInt64) {
        self.kept = kept
        self.count = count
    }

    package var isEmpty: Bool { count == 0 }
    /// How many were counted but not kept.
    package var dropped: UInt64 { count - UInt64(kept.count) }

    /// - Parameter warning: Only made if it is kept.
    package mutating func append(_ warning: @autoclosure () -> Warning) {
        count += 1
        if kept.count < WarningList.keptMax { kept.append(warning()) }
    }
}
