import SnapDigest

// The file of the stat cache: not a format that outlives its version, and never worth an error. It begins with the magic,
// the digest of a manifest and a check of it, and goes on in blocks, each `length:u32 check:16 bytes` and entries, where a
// `check` is the head of a SHA-256. A path is written as the number of bytes it shares with the one before it in the block,
// and the rest. What cannot be read ends the file.

enum StatCacheFile {
    static let magic = Array("SNAPSTAT 2\n".utf8)
    static let checkBytes = 16
    static let headBytes = magic.count + Digest.byteCount + checkBytes
    static let blockBytesMin = 64 << 10
    static let blockBytesMax = 256 << 10
}
