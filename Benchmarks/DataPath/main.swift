// How near the data path comes to what its parts would allow.
//
//   swift run -c release data-path [SECONDS]            memory-resident data: chunk and digest beside scan and digest
//   swift run -c release data-path --packs STORE        the packs of a store: what a check of all bytes cannot do without
//
// The first prints the rate of each part on one thread and on two, and, of the best two-thread figures,
// chunk and digest / (1 / (1 / digest + 1 / scan)). The second decompresses every frame of the packs, which it has read
// before, and hashes every object in them, on two threads: its seconds are the limit of `snapstore fsck --read-data`.

import BenchmarkSteps
import Glibc
import SnapIO

func fail(_ message: String) -> Never {
    print("data-path: \(message)")
    exit(1)
}

let arguments = Array(CommandLine.arguments.dropFirst())
do {
    switch (arguments.first, arguments.count) {
    case ("--packs", 2): try PackLimit(store: arguments[1]).report()
    case (nil, 0): try MemoryLimit(seconds: 30).report()
    case (let seconds?, 1):
        guard let seconds = Double(seconds), seconds > 0 else { fail("usage: data-path [SECONDS | --packs STORE]") }
        try MemoryLimit(seconds: seconds).report()
    default: fail("usage: data-path [SECONDS | --packs STORE]")
    }
} catch {
    fail("\(error)")
}
