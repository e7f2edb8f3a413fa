import Synchronization

/// Small files that many snapshots share, and what each snapshot must hold.
package final class ContentPool: Sendable {
    package typealias Files = [String: [UInt8]]

    /// Few enough that others make the same snapshot now and then, many enough that most are held by nobody for a while.
    private static let commonSets = 40

    private let pieces: [[UInt8]]
    private let known = Mutex<[String: Files]>([:])
    private let serial = Mutex(0)

    package init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        // Some fit into their entry, most are a chunk, a few are several, and one is so many that they need a list.
        pieces =
            (0..<32).map { number in generator.bytes(number == 0 ? 0 : number < 4 ? 40 : 60 * number) }
            + [generator.bytes(9_000), generator.bytes(70_000)]
    }

    /// One of few sets of files: others make the same snapshot, too.
    package func common(_ generator: inout SeededGenerator) -> Files {
        let first = Int.random(in: 0..<Self.commonSets, using: &generator)
        var files: Files = [:]
        for number in 0..<3 { files["f\(number)"] = pieces[(first * 3 + number * 5) % pieces.count] }
        files["set"] = Array("a set of its own, with a chunk that no other has: \(first), and nothing else".utf8)
        return files
    }

    /// Files that share some bytes with others, and are as a whole unlike all before.
    package func unique(_ generator: inout SeededGenerator) -> Files {
        let number = serial.withLock {
            $0 += 1
            return $0
        }
        var files = common(&generator)
        files["number"] = Array("number \(number)".utf8)
        if number.isMultiple(of: 3) { files["own"] = generator.bytes(200) }
        return files
    }

    package func note(_ manifest: String, _ files: Files) { known.withLock { $0[manifest] = files } }

    /// What a snapshot must hold; nil for one that nobody has made.
    package func files(of manifest: String) -> Files? { known.withLock { $0[manifest] } }
}
