internal import SnapIO

/// How a snapshot is written into a directory.
package struct RestoreOptions: Sendable {
    /// Only this directory or file of the snapshot, names joined by `/`; empty for all.
    package var path: [UInt8] = []
    /// Make the directory equal to the snapshot: replace what differs, remove what is not in it.
    package var overwrite = false
    /// Read everything back and compare.
    package var verify = false
    /// Wait until the file system has written everything to its disk.
    package var sync = false
    /// Leave out what could harm: set-user-id bits, devices, `security.*` attributes, foreign owners.
    package var isUntrusted = false

    /// Threads that write files, besides the one that walks; with 1 that one writes them.
    package var jobs = min(8, max(1, Kernel.processorCount))

    package init() {}
}

/// What a restore did.
package struct RestoreResult: Sendable {
    /// Regular files, those kept from an earlier run included.
    package var fileCount: UInt64 = 0
    package var entryCount: UInt64 = 0
    /// Lengths of the regular files.
    package var bytes: UInt64 = 0
    /// Files found complete from an earlier run.
    package var keptFiles: UInt64 = 0
    /// What is not as it was captured: then the command exits with 3.
    package var warnings = WarningList()
}

extension Warning.Code {
    /// The owner could not be set.
    package static let owner = Warning.Code(rawValue: "owner")
    /// A device node could not be made.
    package static let device = Warning.Code(rawValue: "device")
    /// It could not be linked to the other names of its file, and is a copy.
    package static let link = Warning.Code(rawValue: "link")
    /// An extended attribute could not be set.
    package static let attribute = Warning.Code(rawValue: "attribute")
    /// Left out because the snapshot is not trusted.
    package static let untrusted = Warning.Code(rawValue: "untrusted")
}
