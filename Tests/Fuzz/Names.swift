@testable import SnapIO

/// A real one, read by the same code.
private let scratch = try? Kernel.names(inDirectory: scratchDirectory)

/// What a kernel returns of a directory, as it is (the first byte is odd) or as records, each a name up to a `/`.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard scratch?.isEmpty == true else { found("the scratch directory has names") }
    var parts = Parts(bytes(start, count))
    let isRaw = parts.byte() & 1 == 1
    var records: [UInt8] = []
    var expected: Int?
    if isRaw {
        records = parts.all()
    } else {
        let names = parts.all().split(separator: 47, omittingEmptySubsequences: false).map { Array($0.prefix(255)) }
        for name in names {
            let size = (19 + name.count + 1 + 7) / 8 * 8
            let head = [UInt8](repeating: 1, count: 16) + [UInt8(size & 0xff), UInt8(size >> 8), 8]
            records += head + name + [UInt8](repeating: 0, count: size - 19 - name.count)
        }
        let isDots = { (name: ArraySlice<UInt8>) in name.elementsEqual([46]) || name.elementsEqual([46, 46]) }
        expected = names.count { !isDots($0.prefix { $0 != 0 }) }
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: records.count, alignment: 8)
    defer { buffer.deallocate() }
    buffer.copyBytes(from: records)
    do {
        var list = try DirectoryNames([])
        try list.append(records: UnsafeRawBufferPointer(buffer))
        list.sort()
        let names = Array(list)
        if let expected, names.count != expected { found("\(names.count) names of \(expected)") }
        guard zip(names, names.dropFirst()).allSatisfy({ !$1.lexicographicallyPrecedes($0) }) else { found("no order") }
        guard !names.contains([46]), !names.contains([46, 46]), !names.contains(where: { $0.contains(0) }) else {
            found("a name that is none")
        }
    } catch {
        guard "\(error)".contains("read directory") else { found("\(error)") }
    }
    return 0
}
