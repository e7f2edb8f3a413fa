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
    private let isShort: Bool
    private let recorder = DiskRecorder()
    private let failed = Atomic<Int>(0)
    private let cut = Atomic<Int>(0)
    private let last = Atomic<Int>(0)

    /// - Parameters:
    ///   - number: The first gate that fails, counted from 1.
    ///   - errno: With what.
    ///   - isShort: A write that fails has written a part of its bytes, which ends anywhere.
    package init(at number: Int, _ extent: Extent, errno: CInt, isShort: Bool = false) {
        self.number = number
        self.extent = extent
        self.errno = errno
        self.isShort = isShort
    }

    package var wantsBytes: Bool { true }
    package var journal: [GateOperation] { recorder.journal }
    /// Operations that failed.
    package var failures: Int { failed.load(ordering: .relaxed) }

    /// Writes that wrote a part.
    package var shortWrites: Int { cut.load(ordering: .relaxed) }

    /// The highest number of a gate that was come to.
    package var gates: Int { last.load(ordering: .relaxed) }

    package func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        last.max(number, ordering: .relaxed)
        guard extent == .once ? number == self.number : number >= self.number else { return }
        // A full disk still takes what needs no room.
        if errno == Self.noSpace, !operation.takesRoom { return }
        failed.add(1, ordering: .relaxed)
        if isShort, case .write(let path, let offset, let bytes) = operation, bytes.count > 1 {
            try writePart(of: bytes, path, offset, number)
        }
        throw IOError(errno: errno, operation: "fail on purpose", path: "")
    }

    private func writePart(of bytes: [UInt8], _ path: String, _ offset: UInt64, _ number: Int) throws(IOError) {
        let part = Array(bytes.prefix(min(bytes.count - 1, 1 + bytes.count / 2 + Int(offset % 7))))
        let file = try Kernel.open(path, .writeOnly)
        var failure: IOError?
        part.withUnsafeBytes { buffer in
            do throws(IOError) { try Kernel.write(file, buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
        recorder.didPass(number, .write(path: path, offset: offset, bytes: part))
        cut.add(1, ordering: .relaxed)
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
