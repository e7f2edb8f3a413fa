import Glibc
import SnapIO

/// The directories on the way down from a root, by descriptor, of which only the deepest are kept open.
///
/// Going up from a directory whose parent was closed opens `..` and compares device and inode; if the directory was moved
/// meanwhile, the way is taken again from the root by name. Either way no path longer than one name reaches the kernel.
struct OpenDirectories {
    private struct Level {
        let name: [UInt8]
        let device: UInt64
        let inode: UInt64
        let fileSystem: SourceFileSystem
        /// nil while closed.
        var descriptor: Descriptor?
    }

    private var levels: [Level]
    private let openMax: Int
    /// The descriptor of the deepest level.
    private(set) var current: Descriptor

    /// - Parameter openMax: at least 2: the root, which stays open, and the current directory.
    init(root: Descriptor, openMax: Int) throws(IOError) {
        self.openMax = max(2, openMax)
        current = root
        let status = try Kernel.status(of: root)
        levels = [
            Level(
                name: [], device: status.device, inode: status.inode,
                fileSystem: try OpenDirectories.prepare(root), descriptor: root)
        ]
    }

    var depth: Int { levels.count }
    var fileSystem: SourceFileSystem { levels[levels.count - 1].fileSystem }

    mutating func enter(_ name: [UInt8]) throws(IOError) {
        let child = try open(name, in: current)
        let status = try Kernel.status(of: child)
        let parent = levels[levels.count - 1]
        let fileSystem =
            status.device == parent.device ? parent.fileSystem : try OpenDirectories.prepare(child)
        levels.append(
            Level(
                name: name, device: status.device, inode: status.inode, fileSystem: fileSystem, descriptor: child))
        current = child
        // The root is never closed: index 0 stays out of it.
        let oldest = levels.count - openMax
        if oldest > 0 { levels[oldest].descriptor = nil }
    }

    mutating func leave() throws(IOError) {
        let left = levels.removeLast()
        let index = levels.count - 1
        if levels[index].descriptor == nil {
            levels[index].descriptor = try openLevel(index, from: left.descriptor ?? current)
        }
        if let descriptor = levels[index].descriptor { current = descriptor }
    }

    private func open(_ name: [UInt8], in directory: Descriptor) throws(IOError) -> Descriptor {
        try Kernel.openBeneath(directory, name, [.readOnly, .directory, .noFollow])
    }

    /// Opens a level that was closed, from the one below it or, if that was moved, by name from the root.
    private func openLevel(_ index: Int, from child: Descriptor) throws(IOError) -> Descriptor {
        let parent = try Kernel.openParent(of: child)
        if try isLevel(parent, index) { return parent }
        guard var descriptor = levels[0].descriptor else { throw moved(index) }
        for step in 1...max(1, index) where step <= index {
            descriptor = try open(levels[step].name, in: descriptor)
        }
        guard try isLevel(descriptor, index) else { throw moved(index) }
        return descriptor
    }

    private func isLevel(_ descriptor: Descriptor, _ index: Int) throws(IOError) -> Bool {
        let status = try Kernel.status(of: descriptor)
        return status.device == levels[index].device && status.inode == levels[index].inode
    }

    private func moved(_ index: Int) -> IOError {
        IOError(errno: ESTALE, operation: "go back to the directory", path: levels[index].name)
    }

    /// Learns what file system a directory is on and has it write back what is dirty.
    ///
    /// A page changed through a mapping shows in its file's times only at the first change after it was written back; so
    /// what the stat cache notes of a file is true only after this.
    private static func prepare(_ directory: Descriptor) throws(IOError) -> SourceFileSystem {
        let kind = SourceFileSystem(try Kernel.fileSystem(of: directory))
        if kind != .kernelInterface { try Kernel.syncFileSystem(of: directory) }
        return kind
    }
}

extension SourceFileSystem {
    init(_ fileSystem: FileSystem) {
        if fileSystem.hasTrustedTimes {
            self = .changesShowInTimes
        } else if fileSystem.isProc || fileSystem.isSysfs || SourceFileSystem.belowSys.contains(fileSystem.magic) {
            self = .kernelInterface
        } else {
            self = .other
        }
    }

    /// What is mounted below /sys by custom, in case it is mounted elsewhere, by the numbers of `linux/magic.h`: cgroup,
    /// cgroup2, debugfs, tracefs, securityfs, bpf, configfs, efivarfs, pstore, selinuxfs, fusectl.
    private static let belowSys: Set<UInt64> = [
        0x27e0eb, 0x6367_7270, 0x6462_6720, 0x7472_6163, 0x7363_6673, 0xcafe_4a11, 0x6265_6570, 0xde5e_81e4,
        0x6165_676c, 0xf97c_ff8c, 0x6573_5543,
    ]
}
