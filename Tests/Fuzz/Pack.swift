import SnapDigest
import SnapModel
@testable import SnapPacks

nonisolated(unsafe) private let decoder = try? FrameDecoder()
nonisolated(unsafe) private let hasher = try? SHA256()

/// A pack, as it is (the first byte is odd) or from the length of its frames, these, and a footer: the digest of the
/// footer is then right.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let decoder, let hasher else { found("no decoder") }
    var parts = Parts(bytes(start, count))
    let isRaw = parts.byte() & 1 == 1
    let pack = isRaw ? parts.all() : sealed(&parts, hasher)
    let backend = MemoryPackBackend()
    let id = PackID()
    backend.put(scope: "fuzz", id: id, pack)
    do {
        let index = try PackIndex.read(backend: backend, scope: "fuzz", id: id)
        guard try pack.suffix(from: Int(index.endOfFrames)).elementsEqual(index.encode()) else {
            found("accepted, but encoded in another way")
        }
        for frame in index.frames {
            let stored = try backend.read(
                scope: "fuzz", id: id, offset: frame.offset, count: Int(frame.storedBytes))
            _ = try? decoder.decode(stored, frame)
        }
    } catch let error as PackError where error.code == .corrupt {
    } catch {
        found("an error without a name: \(error)")
    }
    return 0
}

private func sealed(_ parts: inout Parts, _ hasher: SHA256) -> [UInt8] {
    let frames = parts.take(parts.number(bytes: 2))
    let footer = parts.all()
    var writer = ByteWriter()
    writer.raw(PackIndex.header + frames + footer)
    writer.fixed(UInt32(footer.count))
    writer.digest(hasher.digest(footer))
    writer.raw(PackIndex.trailerMagic)
    return writer.bytes
}
