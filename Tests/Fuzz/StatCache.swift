import SnapDigest
import SnapIO
import SnapModel
@testable import SnapTrees

nonisolated(unsafe) private let hasher = try? SHA256()
private let path = scratchDirectory + "/stat"

/// The cache of a walk, as it is (the first byte is odd) or as blocks, each a length of two bytes and its entries,
/// whose checks are right then.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let hasher else { found("no digest") }
    var parts = Parts(bytes(start, count))
    let isRaw = parts.byte() & 1 == 1
    var file = isRaw ? parts.all() : Array("SNAPSTAT 1\n".utf8)
    while !isRaw, !parts.isEmpty {
        let block = parts.take(parts.number(bytes: 2))
        var writer = ByteWriter()
        writer.fixed(UInt32(block.count))
        file += writer.bytes + hasher.digest(block).bytes.prefix(16) + block
    }
    do {
        let descriptor = try Kernel.open(path, [.writeOnly, .create, .truncate], mode: 0o600)
        try file.withUnsafeBytes { try Kernel.writeAll(descriptor, $0) }
    } catch {
        found("\(error)")
    }
    // A path that no other follows: every entry is read.
    guard var reader = StatCacheReader(path: path) else { return 0 }
    _ = reader.note(for: [UInt8](repeating: 0xff, count: 20_000))
    return 0
}
