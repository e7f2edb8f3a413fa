import SnapDigest
import SnapModel
import SnapPacks
import Testing

/// How many objects a pack may hold, whatever their bytes.
@Suite struct PackObjectsTests {
    @Test func objectsThatTakeNoRoomFillAPackByTheirNumber() throws {
        let backend = MemoryPackBackend()
        var sealed: [Int] = []
        let writer = try PackWriter(
            backend: backend, scope: "local", threads: 2, allocate: { PackID() },
            sealed: { sealed.append($0.index.objects.count) })
        let hasher = try SHA256()
        // A pack ends with the frame in which it is full.
        let most = PackWriter.packObjects + PackWriter.frameRawBytes / 65
        let count = 2 * most + 1
        for number in 0..<count {
            var bytes = [UInt8](repeating: 0, count: 65)
            withUnsafeBytes(of: UInt64(number)) { bytes.replaceSubrange(0..<8, with: $0) }
            try bytes.withUnsafeBytes { try writer.append(ObjectKey(.chunk, hasher.digest(bytes)), $0) }
        }
        try writer.finish()
        #expect(sealed.reduce(0, +) == count)
        #expect(sealed.count == 3 && sealed.allSatisfy { $0 <= most }, "\(sealed)")
    }
}
