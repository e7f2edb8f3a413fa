package import SnapIO
import Synchronization

/// Keeps a journal of every durable operation that passes a ``Disk``, with its bytes, so that ``SimulatedDisk`` can say
/// what a power cut would have left at any gate.
///
/// SQLite does not write through the disk; at each gate its files are copied whole, standing for its own durability.
package final class DiskRecorder: GateObserver {
    package struct Step: Sendable {
        package let operation: GateOperation
        /// Files of SQLite as they were before the operation.
        package let database: [String: [UInt8]]
    }

    private struct State {
        var steps: [Step] = []
        var isFinished: [Bool] = []
    }

    private let databasePath: String
    private let state = Mutex(State())

    /// - Parameter databasePath: Of the main file; its log lies beside.
    package init(databasePath: String) {
        self.databasePath = databasePath
    }

    package var wantsBytes: Bool { true }

    package func willPass(_ number: Int, _ operation: GateOperation) {
        let step = Step(operation: operation, database: databaseFiles())
        state.withLock {
            $0.steps.append(step)
            $0.isFinished.append(false)
        }
    }

    package func didPass(_ number: Int, _ operation: GateOperation) {
        state.withLock { state in
            if let index = state.steps.indices.last(where: { state.steps[$0].operation == operation }) {
                state.isFinished[index] = true
            }
        }
    }

    private func databaseFiles() -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for suffix in ["", "-wal"] {
            files[databasePath + suffix] = try? Kernel.readFile(databasePath + suffix, limit: 1 << 30)
        }
        return files
    }

    /// Every operation so far, and the database as it is now as a last step without one.
    package var journal: (steps: [Step], end: [String: [UInt8]]) {
        (state.withLock { $0.steps }, databaseFiles())
    }

    package var count: Int { state.withLock { $0.steps.count } }
}
