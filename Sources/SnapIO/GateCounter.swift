internal import Synchronization

/// Counts the gates that are passed, by kind: the crash tests compare them with the system calls that were made.
package final class GateCounter: GateObserver {
    private let counts = Mutex<[String: Int]>([:])

    package init() {}

    package var wantsBytes: Bool { false }

    package func willPass(_ number: Int, _ operation: GateOperation) {
        counts.withLock { $0[operation.kind, default: 0] += 1 }
    }

    package func didPass(_ number: Int, _ operation: GateOperation) {}

    /// A line a kind: its name, a space, how many there were.
    package var text: String {
        counts.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined() }
    }
}

extension GateOperation {
    fileprivate var kind: String {
        switch self {
        case .createFile: "createFile"
        case .write: "write"
        case .truncate: "truncate"
        case .sync: "sync"
        case .rename: "rename"
        case .unlink: "unlink"
        case .makeDirectory: "makeDirectory"
        case .syncDirectory: "syncDirectory"
        case .transaction: "transaction"
        }
    }
}
