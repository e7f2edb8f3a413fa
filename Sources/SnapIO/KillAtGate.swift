internal import Glibc

/// Kills its own process where a numbered gate would be passed: the crash sweep runs the real program with it.
package struct KillAtGate: GateObserver {
    private let number: Int

    /// - Parameter number: Counted from 1.
    package init(_ number: Int) {
        self.number = number
    }

    package var wantsBytes: Bool { false }

    package func willPass(_ number: Int, _ operation: GateOperation) {
        guard number == self.number else { return }
        // Not to be caught, and nothing is flushed: as near to a power cut as a process comes by itself.
        kill(getpid(), SIGKILL)
        while true { pause() }
    }

    package func didPass(_ number: Int, _ operation: GateOperation) {}
}
