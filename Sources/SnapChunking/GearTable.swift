internal import SnapDigest

/// The 256 random numbers of the gear hash: the first eight bytes, big-endian, of the SHA-256 of each byte.
enum GearTable {
    static let values: [UInt64] = {
        guard let hasher = try? SHA256() else { return [] }
        return (0...255).map { byte in
            hasher.digest([UInt8(byte)]).bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
    }()
}
