import Glibc
import SnapIO
import Synchronization
import TestSupport

/// Another process, to hold what it is told to and to be killed.
final class ChildProcess {
    private let pid: pid_t
    private let output: Descriptor
    private var isGone = false

    /// Runs a Python program.
    init(_ program: String, _ arguments: String...) throws {
        let pipe = try makePipe()
        output = pipe.read
        let input = pipe.write
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.number, 1)
        var argv: [UnsafeMutablePointer<CChar>?] =
            (["/usr/bin/env", "python3", "-c", program] + arguments).map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var child = pid_t()
        let failure = posix_spawn(&child, "/usr/bin/env", &actions, nil, &argv, environ)
        guard failure == 0 else { throw IOError(errno: failure, operation: "spawn", path: "python3") }
        pid = child
    }

    /// Waits until the program has printed a line.
    func waitForLine() throws {
        var byte: UInt8 = 0
        while byte != UInt8(ascii: "\n") {
            let count = try withUnsafeMutableBytes(of: &byte) { try Kernel.readSome(output, into: $0) }
            guard count == 1 else { throw IOError(errno: ESRCH, operation: "wait for", path: "python3") }
        }
    }

    /// Kills it, and returns when it is gone.
    func kill() {
        guard !isGone else { return }
        isGone = true
        _ = Glibc.kill(pid, SIGKILL)
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    }

    deinit { kill() }
}

/// A pipe: what is written to one end is read at the other. By way of a name, because a plain pipe could be inherited by
/// a process that another test starts before its ends are marked.
func makePipe() throws -> (read: Descriptor, write: Descriptor) {
    let directory = TemporaryDirectory(in: "/dev/shm")
    try Kernel.makeNode(in: directory.open(), bytes("pipe"), .fifo)
    let read = try Kernel.open(directory.file("pipe"), [.readOnly, .nonBlocking])
    let write = try Kernel.open(directory.file("pipe"), .writeOnly)
    guard fcntl(read.number, F_SETFL, 0) == 0 else { throw IOError(errno: errno, operation: "fcntl", path: "") }
    return (read, write)
}

/// A gate for threads: closed until somebody opens it.
final class Latch: Sendable {
    private let isOpen = Atomic(false)

    func open() { isOpen.store(true, ordering: .sequentiallyConsistent) }

    func wait() {
        while !isOpen.load(ordering: .sequentiallyConsistent) { Kernel.sleep(milliseconds: 1) }
    }
}

/// Waits until a condition holds: a test that waits in vain runs into its time limit.
func waitUntil(_ condition: () -> Bool) {
    while !condition() { Kernel.sleep(milliseconds: 1) }
}

extension TemporaryDirectory {
    func open() throws -> Descriptor { try Kernel.open(path, [.readOnly, .directory]) }

    func read(_ name: String) throws -> [UInt8] { try Kernel.readFile(file(name), limit: 1 << 30) }
}

extension DurableFile {
    func write(_ bytes: [UInt8], at offset: UInt64, _ disk: Disk) throws {
        try bytes.withUnsafeBytes { try disk.write(self, $0, at: offset) }
    }
}

extension Descriptor {
    func write(_ bytes: [UInt8], at offset: UInt64) throws {
        try bytes.withUnsafeBytes { try Kernel.write(self, $0, at: offset) }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try Kernel.writeAll(self, $0) } }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
