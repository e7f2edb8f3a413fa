// What every fuzz target uses. These files are no part of the package: tools/fuzz builds each beside this one.

import Glibc
import SnapModel

/// The input of a run.
func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}

/// A directory of this run, in memory; tools/fuzz makes and removes it.
let scratchDirectory = getenv("SNAPSTORE_FUZZ_DIRECTORY").map { String(cString: $0) } ?? "/dev/shm"

/// Something is not as it must be: ends the process, so that libFuzzer keeps the input.
func found(_ problem: String) -> Never { fatalError(problem) }

/// One value has one encoding: what is accepted encodes to the same bytes, and what is not is refused by name.
func expectCanonical(_ input: [UInt8], _ recode: ([UInt8]) throws -> [UInt8]) {
    do {
        guard try recode(input) == input else { found("accepted, but encoded in another way") }
    } catch is FormatError {
    } catch {
        found("an error without a name: \(error)")
    }
}

/// Takes an input apart.
struct Parts {
    private var rest: ArraySlice<UInt8>

    init(_ input: [UInt8]) { rest = input[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// Little-endian.
    mutating func number(bytes: Int) -> Int {
        (0..<bytes).reduce(0) { value, index in value | Int(byte()) << (8 * index) }
    }

    /// So many bytes, or fewer at the end.
    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func all() -> [UInt8] { take(rest.count) }
}
