/// POSIX access control lists as the kernel keeps them in attributes (`linux/posix_acl_xattr.h`): a version of 4 bytes,
/// then entries of tag (2), permissions (2) and id (4), little-endian.
package enum PosixACL {
    /// Whether an attribute of this name holds one.
    package static func isACL(_ name: [UInt8]) -> Bool {
        name == Array("system.posix_acl_access".utf8) || name == Array("system.posix_acl_default".utf8)
    }

    /// The list with its entries sorted by (tag, id): the order is all that may differ between equal lists. Bytes that
    /// are no such list stay as they are.
    package static func canonical(_ value: [UInt8]) -> [UInt8] {
        guard value.count >= 4, (value.count - 4) % 8 == 0, value[0..<4] == [2, 0, 0, 0] else { return value }
        let entries = stride(from: 4, to: value.count, by: 8).map { Array(value[$0..<($0 + 8)]) }
        func rank(_ entry: [UInt8]) -> (UInt16, UInt32) {
            let tag = UInt16(entry[0]) | UInt16(entry[1]) << 8
            let id = entry[4...7].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return (tag, id)
        }
        return Array(value[0..<4]) + entries.sorted { rank($0) < rank($1) }.joined()
    }
}
