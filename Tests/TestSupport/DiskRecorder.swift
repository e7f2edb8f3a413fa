package import SnapIO
import Synchronization

/// Keeps a journal of every durable operation that passes a ``Disk``, with its bytes, so that ``SimulatedDisk`` can say
/// what a power cut would have left at any gate.
package final class DiskRecorder: GateObserver {
    private let operations = Mutex<[GateOperation]>([])

    package init() {}

    package var wantsBytes: Bool { true }

    package func willPass(_ number: Int, _ operation: GateOperation) {}

    // Only what was carried out counts. Operations of one store are recorded in the order in which they ended; those of
    // several threads at once have no other order.
    package func didPass(_ number: Int, _ operation: GateOperation) {
        operations.withLock { $0.append(operation) }
    }

    /// Every operation so far.
    package var journal: [GateOperation] { operations.withLock { $0 } }
    package var count: Int { operations.withLock { $0.count } }
}
