import SnapModel
import SnapTrees

/// An env file. What is taken from it can be written as one again, and then says the same.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var list = EnvironmentList()
    do {
        try list.add(file: bytes(start, count))
    } catch {
        guard error.code == .range else { found("\(error)") }
        return 0
    }
    // The end of a line keeps a value from losing a carriage return of its own.
    let text = list.variables.flatMap { $0.name + [UInt8(ascii: "=")] + $0.value + [13, 10] }
    var again = EnvironmentList()
    guard (try? again.add(file: text)) != nil, again == list else { found("written down it says something else") }
    return 0
}
