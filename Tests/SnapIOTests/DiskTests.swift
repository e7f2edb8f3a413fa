import Glibc
import SnapIO
import Synchronization
import TestSupport
import Testing

/// Notes what passes the gates, and lets one of them fail.
private final class Watcher: GateObserver {
    private let failing: Int
    let wantsBytes: Bool
    private let log = Mutex<(will: [GateOperation], did: [Int])>(([], []))

    init(failing: Int = 0, wantsBytes: Bool = false) {
        self.failing = failing
        self.wantsBytes = wantsBytes
    }

    func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        log.withLock { $0.will.append(operation) }
        if number == failing { throw IOError(errno: ENOSPC, operation: "gate \(number)", path: "") }
    }

    func didPass(_ number: Int, _ operation: GateOperation) { log.withLock { $0.did.append(number) } }

    var will: [GateOperation] { log.withLock { $0.will } }
    var did: [Int] { log.withLock { $0.did } }
}

/// Durable operations and their gates.
@Suite struct DiskTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// One of each, in an order that works.
    private func script(_ disk: Disk) -> [(GateOperation, () throws -> Void)] {
        let (file, other, sub) = (directory.file("f"), directory.file("g"), directory.file("d"))
        return [
            (.makeDirectory(path: sub), { try disk.makeDirectory(sub, mode: 0o700) }),
            (.createFile(path: file), { _ = try disk.createFile(file) }),
            (
                .write(path: file, offset: 2, bytes: [7, 8]),
                {
                    let open = DurableFile(path: file, descriptor: try Kernel.open(file, .writeOnly))
                    try open.write([7, 8], at: 2, disk)
                }
            ),
            (
                .sync(path: file),
                { try disk.sync(DurableFile(path: file, descriptor: Kernel.open(file, .writeOnly))) }
            ),
            (.rename(from: file, to: other), { try disk.rename(file, to: other) }),
            (.syncDirectory(path: directory.path), { try disk.syncDirectory(directory.path) }),
            (.syncDirectory(path: directory.path), { try disk.syncParent(of: other) }),
            (.unlink(path: other), { try disk.unlink(other) }),
            (.transaction("t"), { try disk.gate(.transaction("t")) {} }),
        ]
    }

    @Test func gatesAreNumberedInOrder() throws {
        let watcher = Watcher(wantsBytes: true)
        let disk = Disk(observer: watcher)
        for (number, (operation, run)) in script(disk).enumerated() {
            try run()
            #expect(disk.gatesPassed == number + 1)
            #expect(watcher.will.last == operation && watcher.did == Array(1...(number + 1)))
        }
    }

    @Test func bytesAreCopiedOnlyForThoseWhoWantThem() throws {
        let watcher = Watcher()
        let disk = Disk(observer: watcher)
        let file = try disk.createFile(directory.file("f"))
        try file.write([1, 2], at: 0, disk)
        #expect(watcher.will.last == .write(path: file.path, offset: 0, bytes: []))
        #expect(try directory.read("f") == [1, 2])
    }

    /// What an observer refuses is not done, is not said to be done, and has its number all the same.
    @Test func aRefusedOperationIsNotDone() throws {
        let count = script(Disk()).count
        for failing in 1...count {
            let watcher = Watcher(failing: failing)
            let disk = Disk(observer: watcher)
            for (number, (_, run)) in script(disk).enumerated().prefix(failing) {
                let before = try state()
                if number + 1 == failing {
                    let error = #expect(throws: IOError.self) { try run() }
                    #expect(error?.operation == "gate \(failing)")
                    #expect(try state() == before, "gate \(failing)")
                } else {
                    try run()
                }
            }
            #expect(watcher.did == Array(1..<failing))
            #expect(disk.gatesPassed == failing)
            try clear()
        }
    }

    private func state() throws -> [String: [UInt8]] {
        var state: [String: [UInt8]] = [:]
        for name in try Kernel.names(inDirectory: directory.path).map(text) {
            state[name] = Kernel.isDirectory(directory.file(name)) ? [] : try directory.read(name)
        }
        return state
    }

    private func clear() throws {
        for name in try Kernel.names(inDirectory: directory.path).map(text) {
            TemporaryDirectory.removeAll(directory.file(name))
        }
    }

    /// The old bytes or the new ones, at whichever operation it fails, and no word of success.
    @Test(arguments: [nil, [9, 9]])
    func replacingIsAllOrNothing(_ old: [UInt8]?) throws {
        let path = directory.file("f")
        for failing in 1...6 {
            try clear()
            if let old { try path.write(old) }
            let watcher = Watcher(failing: failing)
            #expect(throws: IOError.self) { try Disk(observer: watcher).replaceFile(path, with: [1, 2, 3]) }
            // Only the last, the sync of the directory, comes after the new name.
            let found = Kernel.exists(path) ? try directory.read("f") : nil
            #expect(found == (failing == 6 ? [1, 2, 3] : old), "gate \(failing)")
            // Whatever it left is not in the way.
            let disk = Disk()
            try disk.replaceFile(path, with: [4])
            #expect(disk.gatesPassed == 6)
            #expect(try state() == ["f": [4]])
        }
    }

    @Test func whatIsThereAlreadyOrGoneIsNoFailure() throws {
        let disk = Disk()
        try disk.unlink(directory.file("missing"))
        try disk.makeDirectory(directory.file("d"), mode: 0o700)
        try disk.makeDirectory(directory.file("d"), mode: 0o700)
        _ = try disk.createFile(directory.file("f"))
        let existing = #expect(throws: IOError.self) { try disk.createFile(directory.file("f")) }
        #expect(existing?.isExisting == true)
        #expect(throws: IOError.self) { try disk.unlink(directory.file("d")) }
        #expect(throws: IOError.self) { try disk.rename(directory.file("missing"), to: directory.file("x")) }
        #expect(throws: IOError.self) { try disk.syncDirectory(directory.file("f")) }
        #expect(try Kernel.status(path: directory.file("f")).mode == 0o600)
    }

    @Test func errorsInsideAGatePassThrough() throws {
        struct Stop: Error {}
        let watcher = Watcher()
        let disk = Disk(observer: watcher)
        #expect(throws: Stop.self) { try disk.gate(.transaction("t")) { throw Stop() } }
        #expect(watcher.will.count == 1 && watcher.did.isEmpty)
    }

    @Test func numbersAreGivenOnce() throws {
        let watcher = Watcher()
        let disk = Disk(observer: watcher)
        let pool = try WorkerPool(threads: 8, queueMax: 8)
        for _ in 0..<400 { try pool.submit { try disk.gate(.transaction("t")) {} } }
        try pool.wait()
        #expect(watcher.did.sorted() == Array(1...400))
    }
}
