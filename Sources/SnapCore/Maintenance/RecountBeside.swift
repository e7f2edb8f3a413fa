internal import SnapCatalogue
internal import SnapIO
internal import Synchronization

/// A recount on a thread of its own, while others read the packs. It counts only when it finds everything right: else the
/// packs may have been in the middle of being healed, and the counts are looked at again, one thing after another.
final class RecountBeside: Sendable {
    /// Fewer are counted in no time.
    private static let objectsMin: Int64 = 1000

    private struct Stopped: Error {}

    private let finding: Aside<ReferenceRecount.Finding?>
    private let isStopped: Flag

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    /// Starts it; nil where that is not worth a thread.
    init?(store: Store, scope: ScopeRow, options: FsckOptions) {
        guard scope.heldObjects >= Self.objectsMin, Kernel.processorCount > 1 else { return nil }
        let isStopped = Flag()
        self.isStopped = isStopped
        let recount = ReferenceRecount(store: store, scope: scope, objectsAtOnce: options.objectsAtOnce) { _, _ in
            if isStopped.isSet.load(ordering: .relaxed) { throw Stopped() }
        }
        finding = Aside {
            guard let last = try recount.lastJobIfQuiet() else { return nil }
            let found = try recount.problems()
            let isSound = found.problems.isEmpty && found.uncertain == 0
            return try isSound && store.catalogue.read { try recount.isQuiet(since: last, $0) } ? found : nil
        }
    }

    /// Waits for what it has found; nil when anything seems wrong, or jobs came between.
    ///
    /// Whatever it failed at, the next recount meets.
    var soundFinding: ReferenceRecount.Finding? { (try? finding.value()) ?? nil }

    /// Ends it where it is.
    func stop() {
        isStopped.isSet.store(true, ordering: .relaxed)
        _ = soundFinding
    }
}
