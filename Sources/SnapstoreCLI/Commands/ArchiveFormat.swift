import ArgumentParser
import SnapCore

/// What `export` writes and `import` reads.
enum ArchiveFormat: String, ExpressibleByArgument, CaseIterable {
    /// Snapstore's own: all of the snapshot, deduplicated and compressed.
    case native
    /// POSIX.1-2001 (pax).
    case tar
}
