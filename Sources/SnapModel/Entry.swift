public import SnapDigest

/// A point in time as file systems keep it.
public struct Timestamp: Hashable, Sendable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    public var seconds: Int64
    /// 0 … 999,999,999, always counting up from `seconds`.
    public var nanoseconds: UInt32

    public init(seconds: Int64, nanoseconds: UInt32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

/// One extended attribute; access control lists and capabilities are among them.
public struct ExtendedAttribute: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        /// At most 1,024 bytes.
        case inline([UInt8])
        /// A chunk of 1,025 … 65,536 bytes.
        case chunk(Digest, size: UInt32)
    }

    /// With its namespace, for example `user.origin`: bytes, not text.
    public let name: [UInt8]
    public let value: Value

    package init(name: [UInt8], value: Value) {
        self.name = name
        self.value = value
    }
}

/// What a directory says of one name, apart from what kind of node it is.
public struct Metadata: Hashable, Sendable {
    /// Permission bits with set-user-id, set-group-id and sticky: at most 0o7777.
    public var mode: UInt16
    public var uid: UInt32
    public var gid: UInt32
    /// Time of the last change of the content.
    public var modified: Timestamp
    /// Sorted by name bytes.
    public var attributes: [ExtendedAttribute]

    package init(
        mode: UInt16, uid: UInt32, gid: UInt32, modified: Timestamp, attributes: [ExtendedAttribute] = []
    ) {
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.modified = modified
        self.attributes = attributes
    }
}

/// What a name stands for.
public enum Node: Hashable, Sendable {
    case file(Content)
    /// The top node of the directory's tree.
    case directory(Digest)
    /// The target as bytes.
    case symbolicLink([UInt8])
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case fifo
    case socket
}

/// One name in a directory. Nothing that depends on the file system (inode, link count, access time) is part of it.
public struct Entry: Hashable, Sendable {
    /// 1 … 255 bytes without `/` and NUL; empty only for a root.
    public var name: [UInt8]
    public var metadata: Metadata
    public var node: Node

    package init(name: [UInt8], metadata: Metadata, node: Node) {
        self.name = name
        self.metadata = metadata
        self.node = node
    }
}
