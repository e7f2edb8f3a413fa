import SnapModel

/// A node of a chunk list.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    expectCanonical(bytes(start, count)) { try ListNode.decode($0).encode() }
    return 0
}
