import SnapDigest
import SnapModel

/// A reference to a snapshot. What is accepted can be written down again, and then means the same.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let text = String(validating: bytes(start, count), as: UTF8.self) else { return 0 }
    do {
        let reference = try Reference.parse(text)
        guard try Reference.parse(written(reference)) == reference else { found("written down it means another") }
    } catch let error as FormatError {
        guard error.code == .range, error.message.utf8.count < 2000 else { found("\(error.code): \(error)") }
    } catch {
        found("an error without a name: \(error)")
    }
    return 0
}

private func written(_ reference: Reference) -> String {
    let org = reference.org.map { $0 + "/" } ?? ""
    switch reference.target {
    case .name(let name, let tag, let digest):
        return org + name + (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
    case .digest(let digest): return "\(digest)"
    case .prefix(let digits): return digits
    case .record(let id): return Hex.encode(id)
    }
}
