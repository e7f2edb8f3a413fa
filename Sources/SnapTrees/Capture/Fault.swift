import Glibc
import SnapIO

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
