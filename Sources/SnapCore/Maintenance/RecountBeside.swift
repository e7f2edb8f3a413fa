internal import SnapCatalogue
internal import SnapIO
internal import SnapModel
internal import Synchronization

/// A recount on a thread of its own, while others read the packs. It counts only when it finds everything right: else the
/// packs may have been in the middle of being healed, and the counts are looked at again, one thing after another.
final class RecountBeside: Sendable {
    /// Fewer are counted in no time.
    private static let objectsMin: Int64 = 1000

    private let pool: WorkerPool
    private let finding = Mutex<ReferenceRecount.Finding?>(nil)
    private let isStopped = Atomic(false)

    /// Starts it; nil where that is not worth a thread, or there is none.
    init?(store: Store, scope: ScopeRow, options: FsckOptions) {
        guard scope.heldObjects >= Self.objectsMin, Kernel.processorCount > 1 else { return nil }
        guard let pool = try? WorkerPool(threads: 1, queueMax: 1) else { return nil }
        self.pool = pool
        try? pool.submit { try self.count(store, scope, options) }
    }

    /// Waits for what it has found; nil when anything seems wrong, or jobs came between.
    func soundFinding() throws -> ReferenceRecount.Finding? {
        // Whatever it failed at, the next recount meets.
        try? pool.wait()
        return finding.withLock { $0 }
    }

    /// Ends it where it is.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        try? pool.wait()
    }

    private struct Stopped: Error {}

    private func count(_ store: Store, _ scope: ScopeRow, _ options: FsckOptions) throws {
        let recount = ReferenceRecount(store: store, scope: scope, objectsAtOnce: options.objectsAtOnce) { _, _ in
            if self.isStopped.load(ordering: .relaxed) { throw Stopped() }
        }
        guard let last = try recount.lastJobIfQuiet() else { return }
        let found = try recount.problems()
        guard found.problems.isEmpty, found.uncertain == 0,
            try store.catalogue.read({ try recount.isQuiet(since: last, $0) })
        else { return }
        finding.withLock { $0 = found }
    }
}
