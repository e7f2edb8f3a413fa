internal import Synchronization

/// How many still work on something.
package final class Countdown: Sendable {
    private let count: Atomic<Int>

    package init(_ count: Int) { self.count = Atomic(count) }

    package func begin() { count.add(1, ordering: .relaxed) }

    /// Whether that was the last: it sees what all others did.
    @discardableResult
    package func end() -> Bool { count.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }

    /// Whether all have ended: whoever is told so sees what they did.
    package var isOver: Bool { count.load(ordering: .acquiring) == 0 }
}
