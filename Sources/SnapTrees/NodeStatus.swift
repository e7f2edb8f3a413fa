package import SnapModel

/// What a file system says of one name, without following a link: as much as capture and comparison look at.
package struct NodeStatus: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case file, directory, symbolicLink, characterDevice, blockDevice, fifo, socket
    }

    package var kind: Kind
    /// Permission bits with set-user-id, set-group-id and sticky.
    package var mode: UInt16
    package var uid: UInt32
    package var gid: UInt32
    /// Length in bytes.
    package var size: UInt64
    /// Bytes of storage taken; less than `size` for a file with holes.
    package var allocatedBytes: UInt64
    package var modified: Timestamp
    /// When content or metadata last changed (ctime): set by the kernel alone.
    package var changed: Timestamp
    package var device: UInt64
    package var inode: UInt64
    /// Names that the inode has, anywhere in its file system.
    package var links: UInt64
    /// What a device node stands for.
    package var deviceMajor: UInt32
    package var deviceMinor: UInt32

    package init(
        kind: Kind, mode: UInt16, uid: UInt32 = 0, gid: UInt32 = 0, size: UInt64 = 0, allocatedBytes: UInt64? = nil,
        modified: Timestamp, changed: Timestamp, device: UInt64 = 1, inode: UInt64, links: UInt64 = 1,
        deviceMajor: UInt32 = 0, deviceMinor: UInt32 = 0
    ) {
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.allocatedBytes = allocatedBytes ?? size
        self.modified = modified
        self.changed = changed
        self.device = device
        self.inode = inode
        self.links = links
        self.deviceMajor = deviceMajor
        self.deviceMinor = deviceMinor
    }

    /// Whether nothing happened to the node between two looks at it. Storage may be allocated late, so it does not count.
    package func isSameVersion(as other: NodeStatus) -> Bool {
        var left = self
        left.allocatedBytes = other.allocatedBytes
        return left == other
    }

    package func isSameNode(as other: NodeStatus) -> Bool {
        device == other.device && inode == other.inode && kind == other.kind
    }
}
