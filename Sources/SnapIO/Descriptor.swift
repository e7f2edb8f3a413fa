internal import Glibc
internal import Synchronization

/// An open file, closed when the last reference goes.
package final class Descriptor: Sendable {
    private let number_: Atomic<CInt>

    /// The kernel's number; -1 once closed.
    package var number: CInt { number_.load(ordering: .relaxed) }

    /// Takes over an open descriptor.
    package init(owning number: CInt) {
        number_ = Atomic(number)
    }

    deinit {
        let number = number_.load(ordering: .relaxed)
        if number >= 0 { _ = Glibc.close(number) }
    }

    /// Closes it now, and reports what a delayed write reports then.
    package func close() throws(IOError) {
        let number = number_.exchange(-1, ordering: .relaxed)
        // EINTR closes too, on Linux.
        if number >= 0, Glibc.close(number) != 0, errno != EINTR {
            throw IOError(errno: errno, operation: "close", path: "")
        }
    }
}
