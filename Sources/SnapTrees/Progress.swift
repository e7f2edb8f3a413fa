import SnapChunking
import Synchronization

/// How far a long job is: written by its workers, read by whoever shows it. Every access is one relaxed atomic.
package final class Progress: Sendable {
    /// What the job is doing.
    package enum Phase: UInt8, AtomicRepresentable, Sendable {
        case preparing
        /// Walking a tree: entries and bytes grow, their totals are not known yet.
        case walking
        case reading
        case writing
        case verifying
        /// Deleting what nobody holds, and copying what lies beside it.
        case collecting
        /// The bytes are there; the catalogue is told of them.
        case committing
        case done
    }

    private let phaseNow = Atomic<Phase>(.preparing)
    private let entriesNow = Atomic<UInt64>(0)
    private let entriesAll = Atomic<UInt64>(0)
    private let bytesNow = Atomic<UInt64>(0)
    private let bytesAll = Atomic<UInt64>(0)
    private let wantsEnd = Atomic<Bool>(false)

    package init() {}

    package var phase: Phase { phaseNow.load(ordering: .relaxed) }
    /// Names handled so far.
    package var entries: UInt64 { entriesNow.load(ordering: .relaxed) }
    /// Names to handle in all; 0 while unknown.
    package var entriesTotal: UInt64 { entriesAll.load(ordering: .relaxed) }
    /// Content bytes handled so far; holes and unchanged files count in full.
    package var bytes: UInt64 { bytesNow.load(ordering: .relaxed) }
    /// Content bytes to handle in all; 0 while unknown.
    package var bytesTotal: UInt64 { bytesAll.load(ordering: .relaxed) }

    package func enter(_ phase: Phase) { phaseNow.store(phase, ordering: .relaxed) }

    package func setTotals(entries: UInt64, bytes: UInt64) {
        entriesAll.store(entries, ordering: .relaxed)
        bytesAll.store(bytes, ordering: .relaxed)
    }

    /// Asks the job to stop soon, from any thread or a signal's handler.
    package func cancel() { wantsEnd.store(true, ordering: .relaxed) }

    /// For the job, at each entry and each piece of a file.
    /// - Throws: `CancellationError` once ``cancel()`` was called; the store's word for it is `interrupted`.
    package func check() throws {
        if wantsEnd.load(ordering: .relaxed) { throw CancellationError() }
    }

    package func add(entries: UInt64 = 0, bytes: UInt64 = 0) {
        if entries > 0 { entriesNow.wrappingAdd(entries, ordering: .relaxed) }
        if bytes > 0 { bytesNow.wrappingAdd(bytes, ordering: .relaxed) }
    }

    /// Counts what `read` delivers of a file, unless the job is to end.
    func counting(_ read: () throws -> CutInput) throws -> CutInput {
        try check()
        let input = try read()
        switch input {
        case .bytes(let count): add(bytes: UInt64(count))
        case .zeros(let count): add(bytes: count)
        case .end: break
        }
        return input
    }
}
