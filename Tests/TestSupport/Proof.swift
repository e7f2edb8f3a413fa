import SnapIO
import Synchronization

/// What a test of a promise has tried, counted as it goes, and what it found lost: an acknowledged change missing, a
/// snapshot half there, a wrong byte. `tools/prove` adds up the lines that it prints.
package final class Proof: Sendable {
    private struct Counts {
        var tried: [String: Int] = [:]
        var lost: [String] = []
    }

    private let promise: String
    private let seed: UInt64?
    private let start = Kernel.bootNanoseconds()
    private let counts = Mutex(Counts())

    /// - Parameter promise: As `docs/reliability.md` numbers it.
    package init(_ promise: String, seed: UInt64? = nil) {
        self.promise = promise
        self.seed = seed
    }

    /// Counts one thing tried, of a kind.
    package func note(_ kind: String, _ count: Int = 1) { counts.withLock { $0.tried[kind, default: 0] += count } }

    /// Counts something lost; `what` says what, and where.
    package func lose(_ what: String) { counts.withLock { $0.lost.append(what) } }

    /// Counts something lost unless `condition` holds.
    package func check(_ condition: Bool, _ what: @autoclosure () -> String) {
        if !condition { lose(what()) }
    }

    package var tried: Int { counts.withLock { $0.tried.values.reduce(0, +) } }

    package func count(_ kind: String) -> Int { counts.withLock { $0.tried[kind] ?? 0 } }

    /// Prints the line, with a note of how many of each kind there were. Returns what was lost, for the test to expect
    /// that it is empty.
    ///
    /// - Parameter what: What was tried, in a few words without quotation marks.
    package func report(_ what: String) -> [String] {
        let seconds = Double(Kernel.bootNanoseconds() - start) / 1e9
        let (kinds, lost) = counts.withLock { ($0.tried, $0.lost) }
        let parts = kinds.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let tried = kinds.values.reduce(0, +)
        print(
            "prove: \(promise) tried=\(tried) lost=\(lost.count) seed=\(seed.map(String.init) ?? "-")"
                + " seconds=\((seconds * 10).rounded() / 10) what=\"\(what)\" parts=\"\(parts)\"")
        return lost
    }
}
