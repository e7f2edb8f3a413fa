import SnapModel

/// The manifest of a snapshot.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    expectCanonical(bytes(start, count)) { try Manifest.decode($0).encode() }
    return 0
}
