package import SnapDigest
package import SnapModel

/// What a capture made. Its objects are in the sink; nothing refers to them yet.
package struct CaptureResult {
    package let manifest: Digest
    package let kind: Manifest.Kind
    package let counts: CaptureCounts
    /// What could not be captured as it was: then the command exits with 3.
    package let warnings: WarningList
    /// What the user should know though nothing went wrong: sentences.
    package let notices: [String]
    /// The stat cache of this walk. Publish it once the snapshot is committed.
    package let statCache: StatCacheUpdate?

    /// Lengths of all regular files together, in bytes; a file with several names counts at each.
    package var logicalBytes: UInt64 { counts.logicalBytes }
    /// Regular files; one with several names counts at each.
    package var fileCount: UInt64 { counts.files }
    /// Chunks that the contents refer to, repeated ones each time.
    package var chunkCount: UInt64 { counts.chunks }
}

/// What a walk met.
package struct CaptureCounts: Sendable, Hashable {
    /// Names of every type, the root included.
    package var entries: UInt64 = 0
    package var files: UInt64 = 0
    package var logicalBytes: UInt64 = 0
    package var chunks: UInt64 = 0
    /// Files whose content was taken from the stat cache.
    package var unchangedFiles: UInt64 = 0
    /// Bytes of data read from files, holes not included.
    package var readBytes: UInt64 = 0
    /// Names that a pattern left out; what is below a directory is not counted.
    package var excluded: UInt64 = 0
    /// Groups of hard links of which some names are outside what was captured.
    package var linkGroupsCut: UInt64 = 0
    /// Attributes left out because their namespace belongs to one file system.
    package var foreignAttributes: UInt64 = 0

    package init() {}
}
