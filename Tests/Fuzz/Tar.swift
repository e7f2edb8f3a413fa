import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees

/// A tar archive. If the first byte is odd, the checksums of its headers are made right first.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var parts = Parts(bytes(start, count))
    let isSealed = parts.byte() & 1 == 1
    var archive = parts.all()
    if isSealed { seal(&archive) }
    var position = 0
    let objects = Objects()
    do {
        let result = try TarImport(sink: objects, scratch: { try Kernel.openUnnamed(inDirectory: "/dev/shm") })
            .run { buffer in
                let count = min(buffer.count, archive.count - position)
                buffer.copyBytes(from: archive[position..<(position + count)])
                position += count
                return count
            }
        // What was made of it is a snapshot by our own rules, and can be written as an archive again.
        var size = TreeSize(load: objects.load)
        let manifest = try Manifest.decode(objects.load(ObjectKey(.manifest, result.manifest)))
        let sum = try size.of(manifest)
        // Holes are cheap to import, and long to write out.
        guard sum.logicalBytes < 1 << 20 else { return 0 }
        _ = try TarExport(load: objects.load, scratch: { try Kernel.openUnnamed(inDirectory: "/dev/shm") })
            .run(manifest: result.manifest) { _ in }
    } catch let error as StoreError {
        guard [.corrupt, .invalid].contains(error.code) else { found("\(error.code): \(error)") }
    } catch {
        found("an error without a name: \(error)")
    }
    return 0
}

/// Writes the checksum of every header, and goes on after what its size says.
private func seal(_ archive: inout [UInt8]) {
    var start = 0
    while archive.count - start >= 512 {
        let block = start..<(start + 512)
        defer { start += 512 }
        guard archive[block].contains(where: { $0 != 0 }) else { continue }
        for index in (start + 148)..<(start + 156) { archive[index] = UInt8(ascii: " ") }
        let sum = String(archive[block].reduce(0) { $0 + Int($1) }, radix: 8)
        let text = Array((String(repeating: "0", count: 6 - sum.count) + sum + "\0").utf8)
        archive.replaceSubrange((start + 148)..<(start + 155), with: text)
        let digits = archive[(start + 124)..<(start + 135)].prefix { (48...55).contains($0) }
        let size = digits.reduce(0) { $0 << 3 | Int($1 - 48) }
        start += min(archive.count, (size + 511) / 512 * 512)
    }
}

/// Objects in memory.
private final class Objects: ObjectSink {
    private var all: [ObjectKey: [UInt8]] = [:]

    func contains(_ key: ObjectKey) throws -> Bool { all[key] != nil }
    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws { all[key] = Array(bytes) }

    func load(_ key: ObjectKey) throws -> [UInt8] {
        guard let bytes = all[key] else { found("\(key) was not put") }
        return bytes
    }
}
