package import SnapModel

/// Paths of archive members as paths below a root; and as keys that sort in the order of a walk.
///
/// In a key each name is followed by a zero byte. So a directory comes before what is in it, and all of that before the
/// next name, where with slashes `a.b` would stand between `a` and `a/b`.
package enum TarPath {
    /// 32,768 directories deep at most: each costs memory, and the commit a step. The kernel opens paths of 4 KiB.
    package static let bytesMax = 64 << 10

    /// The path without leading `/` and `./`; empty for the root.
    ///
    /// - Throws: ``FormatError`` for what names nothing below a root, or what no directory can hold.
    package static func normalized(_ path: [UInt8]) throws(FormatError) -> [UInt8] {
        guard !path.isEmpty else { throw FormatError(.range, "it has no name") }
        guard path.count <= bytesMax else {
            throw FormatError(.limit, "its path is \(path.count) bytes long; 64 KiB can be read")
        }
        guard !path.contains(0) else { throw FormatError(.range, "its path has a zero byte in it") }
        var result: [UInt8] = []
        result.reserveCapacity(path.count)
        for name in path.split(separator: 47) where !name.elementsEqual([46]) {
            guard !name.elementsEqual([46, 46]) else { throw FormatError(.range, "its path leads up with `..`") }
            guard name.count <= Limits.nameBytesMax else {
                throw FormatError(.limit, "its path has a name of \(name.count) bytes; 255 is the most")
            }
            if !result.isEmpty { result.append(47) }
            result += name
        }
        return result
    }

    static func key(_ path: [UInt8]) -> [UInt8] {
        guard !path.isEmpty else { return [] }
        var key = path
        for index in key.indices where key[index] == 47 { key[index] = 0 }
        key.append(0)
        return key
    }

    static func path(key: some Collection<UInt8>) -> [UInt8] {
        key.dropLast().map { $0 == 0 ? 47 : $0 }
    }
}
