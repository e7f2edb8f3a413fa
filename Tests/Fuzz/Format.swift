@testable import SnapCore

/// What a new store has.
private let new = StoreFormat()

/// The file that says what a store is.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = bytes(start, count)
    do {
        guard try StoreFormat(parsing: new.bytes, path: "FORMAT") == new else { found("a new store is another") }
        guard try StoreFormat(parsing: text, path: "FORMAT").bytes == text else {
            found("accepted, but encoded in another way")
        }
    } catch {
        guard error.code == .corrupt || error.code == .invalid else { found("\(error)") }
    }
    return 0
}
