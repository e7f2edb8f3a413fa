internal import CSnapKernel
internal import Glibc
internal import Synchronization

/// One durable operation about to pass the gate, with what a recorder needs to replay it.
package enum GateOperation: Sendable, Hashable {
    case createFile(path: String)
    case write(path: String, offset: UInt64, bytes: [UInt8])
    /// Sets the length.
    case truncate(path: String, size: UInt64)
    case sync(path: String)
    case rename(from: String, to: String)
    case unlink(path: String)
    case makeDirectory(path: String)
    case syncDirectory(path: String)
    /// A commit of the catalogue.
    case transaction(String)
}

/// Watches, and may disturb, durable operations: tests crash, fail or record there.
package protocol GateObserver: Sendable {
    /// Whether ``GateOperation/write(path:offset:bytes:)`` shall carry its bytes.
    var wantsBytes: Bool { get }
    /// Called before operation `number`, counted from 1. Throwing makes the operation fail with that error.
    func willPass(_ number: Int, _ operation: GateOperation) throws(IOError)
    /// Called after it succeeded.
    func didPass(_ number: Int, _ operation: GateOperation)
}

/// A file being written through a ``Disk``.
package struct DurableFile: Sendable {
    package let path: String
    package let descriptor: Descriptor

    package init(path: String, descriptor: Descriptor) {
        self.path = path
        self.descriptor = descriptor
    }
}

/// Every durable operation of a store, one numbered gate each.
///
/// Without an observer a gate costs one atomic addition.
package final class Disk: Sendable {
    private let observer: (any GateObserver)?
    private let passed = Atomic<Int>(0)

    package init(observer: (any GateObserver)? = nil) {
        self.observer = observer
    }

    /// Whether the observer wants to see the bytes written.
    package var wantsBytes: Bool { observer?.wantsBytes ?? false }

    /// Gates passed so far.
    package var gatesPassed: Int { passed.load(ordering: .relaxed) }

    /// Runs `body` as the durable operation `operation`.
    package func gate<Result>(_ operation: @autoclosure () -> GateOperation, _ body: () throws -> Result) throws
        -> Result
    {
        let number = passed.add(1, ordering: .relaxed).newValue
        guard let observer else { return try body() }
        let operation = operation()
        try observer.willPass(number, operation)
        let result = try body()
        observer.didPass(number, operation)
        return result
    }

    /// Like ``gate(_:_:)``, for operations that only fail in the kernel.
    private func kernelGate<Result>(_ operation: GateOperation, _ body: () throws(IOError) -> Result) throws(IOError)
        -> Result
    {
        let number = passed.add(1, ordering: .relaxed).newValue
        guard let observer else { return try body() }
        try observer.willPass(number, operation)
        let result = try body()
        observer.didPass(number, operation)
        return result
    }
}

extension Disk {
    /// Makes a new file, mode 0600.
    package func createFile(_ path: String) throws(IOError) -> DurableFile {
        try kernelGate(.createFile(path: path)) { () throws(IOError) in
            DurableFile(path: path, descriptor: try Kernel.open(path, [.writeOnly, .create, .exclusive], mode: 0o600))
        }
    }

    /// Writes all bytes at an offset.
    package func write(_ file: DurableFile, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(IOError) {
        let copy = wantsBytes ? Array(bytes) : []
        try kernelGate(.write(path: file.path, offset: offset, bytes: copy)) { () throws(IOError) in
            try Kernel.write(file.descriptor, bytes, at: offset)
        }
    }

    /// Has the kernel begin to write bytes out, so that ``sync(_:)`` finds less to do. Nothing is durable by it, and it
    /// cannot fail.
    package func startWriting(_ file: DurableFile, from offset: UInt64, count: UInt64) {
        guard let offset = Int64(exactly: offset), let count = Int64(exactly: count) else { return }
        snap_start_writing(file.descriptor.number, offset, count)
    }

    /// Makes a file's bytes durable. After a failure the file's state is unknown: it must be abandoned.
    package func sync(_ file: DurableFile) throws(IOError) {
        try kernelGate(.sync(path: file.path)) { () throws(IOError) in
            _ = try Kernel.call("fsync", Array(file.path.utf8)) { fsync(file.descriptor.number) }
        }
    }

    /// Gives a file its name, replacing what has it.
    package func rename(_ from: String, to: String) throws(IOError) {
        try kernelGate(.rename(from: from, to: to)) { () throws(IOError) in
            _ = try Kernel.call("rename", Array(to.utf8)) { Glibc.rename(from, to) }
        }
    }

    /// Removes a file; that it is gone already is no failure.
    package func unlink(_ path: String) throws(IOError) {
        try kernelGate(.unlink(path: path)) { () throws(IOError) in
            if Glibc.unlink(path) != 0, errno != ENOENT {
                throw IOError(errno: errno, operation: "unlink", path: path)
            }
        }
    }

    /// Makes a directory; that it exists already is no failure.
    package func makeDirectory(_ path: String, mode: UInt32) throws(IOError) {
        try kernelGate(.makeDirectory(path: path)) { () throws(IOError) in
            if mkdir(path, mode) != 0, errno != EEXIST {
                throw IOError(errno: errno, operation: "mkdir", path: path)
            }
        }
    }

    /// Makes the names in a directory durable.
    package func syncDirectory(_ path: String) throws(IOError) {
        try kernelGate(.syncDirectory(path: path)) { () throws(IOError) in
            let directory = try Kernel.open(path, [.readOnly, .directory])
            _ = try Kernel.call("fsync", Array(path.utf8)) { fsync(directory.number) }
        }
    }

    /// Puts a file with these bytes in place, whole or not at all, durably.
    package func replaceFile(_ path: String, with bytes: [UInt8]) throws(IOError) {
        let temporary = path + ".new"
        try unlink(temporary)
        let file = try createFile(temporary)
        let copy = wantsBytes ? bytes : []
        try kernelGate(.write(path: temporary, offset: 0, bytes: copy)) { () throws(IOError) in
            var failure: IOError?
            bytes.withUnsafeBytes { buffer in
                do throws(IOError) { try Kernel.write(file.descriptor, buffer, at: 0) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try sync(file)
        try rename(temporary, to: path)
        try syncDirectory(parent(of: path))
    }

    /// Puts a copy of a file in place, whole or not at all, durably. `path + ".new"` must not be there.
    package func copyFile(_ source: String, to path: String) throws(IOError) {
        let source = try Kernel.open(source, .readOnly)
        let target = try createFile(path + ".new")
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        while true {
            let count = try Kernel.read(source, into: buffer, at: offset)
            if count == 0 { break }
            try write(target, UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            offset += UInt64(count)
        }
        try sync(target)
        try rename(target.path, to: path)
        try syncParent(of: path)
    }

    /// Makes the directories that are missing above a path, each durable before the next.
    package func makeMissingParents(of path: String) throws(IOError) {
        for parent in Kernel.missingParentDirectories(of: path) {
            try makeDirectory(parent, mode: 0o755)
            try syncParent(of: parent)
        }
    }

    /// Makes the name of an existing file durable.
    package func syncParent(of path: String) throws(IOError) {
        try syncDirectory(parent(of: path))
    }

    private func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
