import Glibc
import SnapIO
import SnapModel

/// What a walk counts and has to say.
struct WalkReport {
    var counts = CaptureCounts()
    var warnings = WarningList()
    var notices: [String] = []

    /// With what the counts give rise to.
    var allNotices: [String] {
        var all = notices
        if counts.linkGroupsCut > 0 {
            all.append(
                "\(counts.linkGroupsCut) files have hard links outside what was captured: those are not part of it.")
        }
        if counts.foreignAttributes > 0 {
            all.append(
                "\(counts.foreignAttributes) extended attributes that only one kind of file system knows were left out."
            )
        }
        return all
    }

    /// Adds a warning; `rest` continues a sentence that begins with the path.
    mutating func warn(_ code: Warning.Code, _ path: [UInt8], _ rest: String) {
        let subject = path.isEmpty ? "The captured directory" : escaped(path)
        warnings.append(Warning(code, path: path, message: "\(subject) \(rest)"))
    }
}

/// What a walk is to leave out.
struct WalkBounds {
    var exclude = ExcludePatterns()
    /// Keep directories on other file systems empty.
    var oneFileSystem = false
    /// A directory that is left out altogether: the store.
    var store: NodeStatus?
}

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

/// What an error of a captured tree means for the walk.
enum Fault {
    /// The name is gone.
    case vanished
    /// It is something else now than when its status was read.
    case replaced
    /// It cannot be read: it is named and left out.
    case unreadable
    /// This process cannot go on: no descriptors, no memory.
    case fatal

    init(_ error: IOError) {
        switch error.errno {
        case ENOENT, ESTALE: self = .vanished
        case ELOOP, ENOTDIR, ENXIO, EINVAL, EXDEV, EAGAIN: self = .replaced
        case EMFILE, ENFILE, ENOMEM: self = .fatal
        default: self = .unreadable
        }
    }
}
