import SnapDigest
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// However small its objects are, a pack that was written can be read.
@Suite struct PackSizeTests {
    @Test func packsOfVerySmallObjectsAreRead() throws {
        let backend = MemoryPackBackend()
        var sealed: [SealedPack] = []
        let writer = try PackWriter(
            backend: backend, scope: "local", threads: 2, allocate: { PackID() },
            sealed: { sealed.append($0) })
        let count = 600_000
        let byte: [UInt8] = [7]
        var digest = [UInt8](repeating: 0, count: Digest.byteCount)
        for number in 0..<count {
            withUnsafeBytes(of: UInt64(number)) { digest.replaceSubrange(0..<8, with: $0) }
            let key = ObjectKey(.chunk, try #require(Digest(bytes: digest)))
            try byte.withUnsafeBytes { try writer.append(key, $0) }
        }
        try writer.finish()
        var read = 0
        for pack in sealed { read += try PackIndex.read(backend: backend, scope: "local", id: pack.id).objects.count }
        #expect(read == count)
        // Two million in one pack would make a footer longer than a reader takes.
        #expect(sealed.count > 1)
    }
}
