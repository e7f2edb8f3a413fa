internal import Glibc
internal import SnapIO

/// The directories on the way down from a restore's target, by descriptor, of which only the deepest stay open.
///
/// A level that was closed is opened again from the one below through `..`, and only if it is the same inode: whatever
/// somebody else renames meanwhile, nothing is written outside the target.
struct TargetDirectories {
    private struct Level {
        let device: UInt64
        let inode: UInt64
        var descriptor: Descriptor?
    }

    private static let openMax = 128
    private var levels: [Level]
    private(set) var current: Descriptor

    init(root: Descriptor) throws(IOError) {
        let status = try Kernel.status(of: root)
        levels = [Level(device: status.device, inode: status.inode, descriptor: root)]
        current = root
    }

    mutating func enter(_ child: Descriptor) throws(IOError) {
        let status = try Kernel.status(of: child)
        levels.append(Level(device: status.device, inode: status.inode, descriptor: child))
        current = child
        // The root stays open.
        let oldest = levels.count - Self.openMax
        if oldest > 0 { levels[oldest].descriptor = nil }
    }

    mutating func leave() throws(IOError) {
        levels.removeLast()
        let index = levels.count - 1
        if let open = levels[index].descriptor {
            current = open
            return
        }
        let parent = try Kernel.openParent(of: current)
        let status = try Kernel.status(of: parent)
        guard status.device == levels[index].device, status.inode == levels[index].inode else {
            throw IOError(errno: ESTALE, operation: "go back to a directory that was moved", path: "")
        }
        levels[index].descriptor = parent
        current = parent
    }
}

extension Kernel {
    /// Opens a directory below another by the names on the way, each on its own: no path is too long, none is followed.
    /// The result is a place, which cannot be read: to pass through, a directory need not be readable.
    static func openDirectory(_ names: [[UInt8]], below root: Descriptor) throws(IOError) -> Descriptor {
        var directory = root
        for name in names { directory = try openBeneath(directory, name, [.place, .directory, .noFollow]) }
        return directory
    }
}
