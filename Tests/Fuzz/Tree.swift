import SnapModel

/// A node of a directory.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    expectCanonical(bytes(start, count)) { try TreeNode.decode($0).encode() }
    return 0
}
