import SnapModel

/// A link table. The first byte says in what pieces it comes, which must not matter.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var parts = Parts(bytes(start, count))
    let piece = Int(parts.byte()) + 1
    let table = parts.all()
    expectCanonical(table) { table in
        var reader = LinkTableReader()
        var encoded: [UInt8] = []
        for start in stride(from: 0, to: table.count, by: piece) {
            reader.append(Array(table[start..<min(table.count, start + piece)]))
            while let group = try reader.next() { encoded += try group.encode() }
        }
        try reader.end()
        return encoded
    }
    return 0
}
