internal import SnapDigest
internal import SnapModel

/// Adds up the lengths of distinct objects: the bytes a snapshot would take if it were alone.
///
/// Objects are told apart by 64 bits of their digest: two of ten million collide with a chance of 3 in a million.
struct DistinctObjects {
    private var seen: Set<UInt64> = []
    private(set) var bytes: Int64 = 0

    /// Says whether the object was not noted before. Records are not counted.
    @discardableResult
    mutating func note(_ key: ObjectKey, length: Int64) -> Bool {
        guard key.kind != .record, seen.insert(key.digest.tail &+ UInt64(key.kind.rawValue)).inserted else {
            return false
        }
        bytes += length
        return true
    }
}
