package import SnapIO
internal import Synchronization

/// Makes durable operations fail from one gate on, or there once, and keeps a journal of those that were carried out.
package final class FailingDisk: GateObserver {
    package enum Extent: String, Sendable, CaseIterable {
        case once, sticky
    }

    private let number: Int
    private let extent: Extent
    private let errno: CInt
    private let recorder = DiskRecorder()
    private let failed = Atomic<Int>(0)
    private let last = Atomic<Int>(0)

    /// - Parameters:
    ///   - number: The first gate that fails, counted from 1.
    ///   - errno: With what.
    package init(at number: Int, _ extent: Extent, errno: CInt) {
        self.number = number
        self.extent = extent
        self.errno = errno
    }

    package var wantsBytes: Bool { true }
    package var journal: [GateOperation] { recorder.journal }
    /// Operations that failed.
    package var failures: Int { failed.load(ordering: .relaxed) }

    /// The highest number of a gate that was come to.
    package var gates: Int { last.load(ordering: .relaxed) }

    package func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        last.max(number, ordering: .relaxed)
        guard extent == .once ? number == self.number : number >= self.number else { return }
        // A full disk still takes what needs no room.
        if errno == Self.noSpace, !operation.takesRoom { return }
        failed.add(1, ordering: .relaxed)
        throw IOError(errno: errno, operation: "fail on purpose", path: "")
    }

    package func didPass(_ number: Int, _ operation: GateOperation) {
        recorder.didPass(number, operation)
    }

    package static let inputOutput: CInt = 5
    package static let noSpace: CInt = 28
}

extension GateOperation {
    fileprivate var takesRoom: Bool {
        switch self {
        case .createFile, .write, .makeDirectory, .sync: true
        case .truncate, .rename, .unlink, .syncDirectory, .transaction: false
        }
    }
}
