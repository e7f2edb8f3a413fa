internal import SnapCatalogue
internal import SnapIO

/// How much the next of many transactions may do, so that whoever else wants to write waits a short time only.
///
/// A transaction of a thousand rows takes 5 ms where all its pages are in memory and a sync is cheap, and 100 ms on a slow
/// disk. So the number of rows follows the time that the last one took.
struct BatchBudget: Sendable {
    /// What one transaction should hold the lock of all writers for.
    private static let targetNanoseconds: Int64 = 10_000_000

    /// Rows that the next transaction may touch.
    private(set) var rows: Int
    /// With fewer, syncs cost more than what is gained.
    private let bounds: ClosedRange<Int>

    init(_ bounds: ClosedRange<Int> = JobLimits().rows) {
        self.bounds = bounds
        rows = bounds.lowerBound + (bounds.upperBound - bounds.lowerBound) / 3
    }

    /// Runs a transaction, and learns from how long it held the lock.
    mutating func write<Result>(
        _ catalogue: Catalogue, _ label: String, isSynced: Bool = true, _ body: (WriteAccess) throws -> Result
    ) throws -> Result {
        var start: Int64 = 0
        var touched = 0
        let result = try catalogue.write(label, isSynced: isSynced) { tx in
            start = Kernel.bootNanoseconds()
            let before = tx.rowsTouched
            let result = try body(tx)
            touched = tx.rowsTouched - before
            return result
        }
        learn(rows: touched, nanoseconds: Kernel.bootNanoseconds() - start)
        return result
    }

    mutating func learn(rows touched: Int, nanoseconds: Int64) {
        // A small one tells little: it is mostly the sync.
        guard touched > rows / 4 else { return }
        let factor = Double(Self.targetNanoseconds) / Double(max(nanoseconds, 1))
        let wanted = Double(rows) * min(max(factor, 0.5), 1.5)
        rows = min(max(Int(wanted), bounds.lowerBound), bounds.upperBound)
    }
}
