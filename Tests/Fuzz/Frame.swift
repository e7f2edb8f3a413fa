import SnapDigest
import SnapModel
import SnapPacks

nonisolated(unsafe) private let decoder = try? FrameDecoder()
nonisolated(unsafe) private let hasher = try? SHA256()

/// A frame whose check is right: codec, raw length in three bytes, and what is stored.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let decoder, let hasher else { found("no decoder") }
    var parts = Parts(bytes(start, count))
    let codec: FrameCodec = parts.byte() == 0 ? .raw : .zstd
    let raw = parts.number(bytes: 3)
    let stored = parts.all()
    let info = FrameInfo(
        offset: 16, storedBytes: UInt32(stored.count), rawBytes: UInt32(raw), codec: codec,
        check: Array(hasher.digest(stored).bytes.prefix(FrameInfo.checkBytes)))
    do {
        guard try decoder.decode(stored, info).count == raw else { found("another length than was declared") }
    } catch let error as PackError where error.code == .corrupt {
    } catch {
        found("an error without a name: \(error)")
    }
    return 0
}
