import SnapModel

/// What was captured.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    expectCanonical(bytes(start, count)) { try RootNode.encode(RootNode.decode($0)) }
    return 0
}
