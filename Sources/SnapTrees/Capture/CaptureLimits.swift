/// Limits of a capture that are not limits of the format.
enum CaptureLimits {
    /// How often a node that changes while it is read is read again.
    static let retries = 3
    /// Directories on the way down that are kept open; older ones are reopened through `..`.
    static let openDirectoriesMax = 128
    /// Hard-linked inodes whose entry is remembered until all their names were met.
    static let rememberedInodesMax = 32_768
    /// Longer paths cannot be in a link table: such a name becomes a file of its own.
    static let linkPathBytesMax = 1 << 20
    /// A file is not trusted by the stat cache unless it was left alone for so long before the walk.
    static let settledSeconds: Int64 = 2
}
