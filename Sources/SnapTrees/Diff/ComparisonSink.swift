package import SnapCore
package import SnapModel
internal import SnapDigest

/// Takes a capture that is only to be compared: keeps what the tree is made of and the table of hard links in memory,
/// drops the bytes of files.
///
/// Memory: about 80 bytes an entry of directories that the store does not hold; of all, where
/// nothing can be written to the store.
package final class ComparisonSink: ObjectSink {
    private let reading: Reading
    private var nodes: [ObjectKey: [UInt8]] = [:]
    private var keepsChunks = false

    /// - Parameter reading: What it sees lets unchanged files be told by the stat cache.
    package init(_ reading: Reading) {
        self.reading = reading
    }

    package func contains(_ key: ObjectKey) throws -> Bool {
        if nodes[key] != nil { return true }
        return try reading.contains(key)
    }

    package func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        guard keepsChunks || key.kind != .chunk else { return }
        nodes[key] = Array(bytes)
    }

    package var hasDamage: Bool { (try? reading.hasDamage()) ?? true }

    package func beginLinks() { keepsChunks = true }

    /// The bytes of a node that was put, or of a part of the table of hard links.
    package func node(_ key: ObjectKey) -> [UInt8]? { nodes[key] }
}
