/// What names, tags and label keys may be.
package enum SnapshotName {
    /// `[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?`: organisations and snapshots.
    package static func isValid(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        guard let first = bytes.first, let last = bytes.last, bytes.count <= 128 else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == 46 || $0 == 95 || $0 == 45 }
    }

    /// The OCI rule: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
    package static func isValidTag(_ tag: String) -> Bool {
        let bytes = Array(tag.utf8)
        guard let first = bytes.first, bytes.count <= 128, first != 46, first != 45 else { return false }
        return bytes.allSatisfy {
            isAlphanumeric($0) || (65...90).contains($0) || $0 == 46 || $0 == 95 || $0 == 45
        }
    }

    /// 1 … 128 characters of `[a-z0-9._/-]`; not `b64`, which canonical JSON keeps for itself.
    package static func isValidLabelKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        return (1...128).contains(bytes.count) && key != "b64"
            && bytes.allSatisfy { isAlphanumeric($0) || [45, 46, 47, 95].contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (48...57).contains(byte)
    }
}
