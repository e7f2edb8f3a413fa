#if canImport(Glibc)
    internal import Glibc
#endif

extension UnsafeRawBufferPointer {
    /// Whether these bytes come before the others: byte by byte, a prefix first.
    func precedes(_ other: UnsafeRawBufferPointer) -> Bool {
        let common = Swift.min(count, other.count)
        if common > 0, let left = baseAddress, let right = other.baseAddress {
            let order = memcmp(left, right, common)
            if order != 0 { return order < 0 }
        }
        return count < other.count
    }
}

extension Array where Element == UInt8 {
    /// Whether these bytes come before the others: byte by byte, a prefix first.
    func precedes(_ other: [UInt8]) -> Bool {
        withUnsafeBytes { left in other.withUnsafeBytes { left.precedes($0) } }
    }
}
