import SnapCore
import SnapIO
import Synchronization
import TestSupport
import Testing

/// Disks that fail, are full, or lie: success is never reported for what is not on the disk, and no wrong byte is read.
@Suite(.serialized) struct DiskFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let errno: CInt
        let extent: FailingDisk.Extent
        var isShort = false

        var testDescription: String { "\(name) \(extent)" }
    }

    static let faults = FailingDisk.Extent.allCases.flatMap { extent in
        [
            Fault(name: "EIO", errno: FailingDisk.inputOutput, extent: extent),
            Fault(name: "ENOSPC", errno: FailingDisk.noSpace, extent: extent),
            Fault(name: "short write then EIO", errno: FailingDisk.inputOutput, extent: extent, isShort: true),
            Fault(name: "short write then ENOSPC", errno: FailingDisk.noSpace, extent: extent, isShort: true),
        ]
    }

    /// One gate in so many is tried; all of them on the long scale.
    private static let stride = max(1, 52 / TestScale.factor)

    @Test(arguments: faults) func aFailureIsNeverASuccess(_ fault: Fault) throws {
        let seed = TestScale.seed("disk faults")
        let proof = Proof("P5", seed: seed)
        let script = LifeScript(seed: seed, isFull: TestScale.factor > 1)
        let stages = try script.stages()
        var generator = SeededGenerator(seed: seed)
        let first = 1 + Int(generator.next() % UInt64(Self.stride))
        let counts = FaultCounts()
        let pool = try WorkerPool(threads: 2, queueMax: 4)
        // Until a life ends before the gate is come to.
        var number = first
        while !counts.isAtEnd {
            let gate = number
            try pool.submit { try Self.fail(at: gate, fault, script, stages, proof, counts) }
            number += Self.stride
        }
        try pool.wait()
        let lost = proof.report("gates of a life that fail: \(fault.testDescription)")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried >= 10 && counts.refused > 0)
        #expect(counts.shortWrites > 0 || !fault.isShort)
    }

    /// Lives on a disk that fails from, or at, one gate, and looks at what is left.
    private static func fail(
        at number: Int, _ fault: Fault, _ script: LifeScript, _ stages: [[String]], _ proof: Proof,
        _ counts: FaultCounts
    ) throws {
        let disk = FailingDisk(at: number, fault.extent, errno: fault.errno, isShort: fault.isShort)
        let parent = TemporaryDirectory(in: "/dev/shm")
        let place = "gate \(number), \(fault.testDescription), seed \(script.seed)"
        let (expected, error) = live(in: parent, disk, script, stages)
        if disk.gates < number { return counts.end() }
        // A full disk fails nothing where no room is taken.
        guard disk.failures > 0 else { return }
        proof.note("with \(fault.testDescription)")
        counts.add(isRefused: error != nil, shortWrites: disk.shortWrites)
        if let error { proof.check(error is StoreError, "\(error) at \(place)") }
        // What is on the disk now, were the power cut: all that was acknowledged.
        var simulated = SimulatedDisk(with: parent.path)
        for operation in disk.journal { simulated.replay(operation) }
        let after = TemporaryDirectory(in: "/dev/shm")
        try simulated.image(.nothingUnsynced, below: parent.path).write(to: after.path)
        for path in [parent.file("store"), after.file("store")] {
            let losses = StoreFixture.losses(path, expected: expected) { fixture in
                // And it works again.
                try fixture.commit("again", tag: "1", files: ["x": [1, 2, 3]])
                return try fixture.problems().map { "\($0) after another commit" }
            }
            for loss in losses { proof.lose("\(loss) at \(place)") }
        }
    }

    /// Lives until something fails. Returns the states acknowledged last and that which the step under way leads to, and
    /// the failure.
    private static func live(
        in parent: TemporaryDirectory, _ observer: FailingDisk, _ script: LifeScript, _ stages: [[String]]
    ) -> (expected: [[String]], error: (any Error)?) {
        let root = parent.file("store")
        var steps: [[String]] = []
        do {
            try GatedSQLite.attached(Disk(observer: observer), store: root) { disk in
                _ = try script.run(path: root, disk: disk) { steps.append($0) }
            }
            return ([steps.last ?? []], nil)
        } catch {
            return ([steps.last ?? []] + stages.dropFirst(steps.count).prefix(1), error)
        }
    }

    @Test func aDiskThatLiesLosesNothingInSilence() throws {
        let seed = TestScale.seed("lying disks")
        let proof = Proof("P7", seed: seed)
        let parent = TemporaryDirectory(in: "/dev/shm")
        let life = try RecordedLife(in: parent, LifeScript(seed: seed, isFull: false))
        var generator = SeededGenerator(seed: seed)
        let pool = try WorkerPool(threads: 2, queueMax: 4)
        let rounds = 500 * TestScale.factor
        for round in 0..<rounds {
            let number = Int(generator.next() % UInt64(life.operations.count + 1))
            // It begins to lie at some moment: had it always lied, there would hardly ever be a store.
            let honest = Int(generator.next() % UInt64(number + 1))
            let liar = generator.next()
            let kind: CrashImage = round % 2 == 0 ? .nothingUnsynced : .random(seed: generator.next())
            try pool.submit {
                var disk = life.emptyDisk()
                for operation in life.operations.prefix(honest) { disk.replay(operation) }
                disk = disk.lying(seed: liar)
                for operation in life.operations[honest..<number] { disk.replay(operation) }
                let target = TemporaryDirectory(in: "/dev/shm")
                try disk.image(kind, below: parent.path).write(to: target.path)
                Self.lookAtLies(
                    target.file("store"), LifeScript.Files(seed: seed).all, proof,
                    "round \(round), operation \(number), seed \(seed)")
            }
        }
        try pool.wait()
        let lost = proof.report("disks that lie about syncs, cut at any operation of a life")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried == rounds && proof.count("with damaged snapshots") > 0)
    }

    /// What such a disk has left may not be a store, but what is read of it is right, and what cannot be read is named.
    private static func lookAtLies(_ path: String, _ known: [[String: [UInt8]]], _ proof: Proof, _ place: String) {
        guard let store = try? Store.open(path: path, create: false) else { return proof.note("that no longer open") }
        defer { store.close() }
        let fixture = StoreFixture(store: store)
        var options = FsckOptions()
        options.readData = true
        let checked = try? store.check(options)
        var damaged = 0
        for record in (try? store.snapshots(org: StoreFixture.org)) ?? [] {
            if let files = try? fixture.files(of: record) {
                proof.check(known.contains(files), "wrong bytes in \(record.displayName) at \(place)")
            } else {
                damaged += 1
                // A check that cannot be carried through says so by itself.
                let isNamed = checked.map { $0.damagedSnapshots.contains { $0.id == record.id } } ?? true
                proof.check(isNamed, "\(record.displayName) is damaged in silence at \(place)")
            }
        }
        proof.note(damaged > 0 ? "with damaged snapshots" : "with sound snapshots or none")
    }
}

/// What several threads found out about one fault.
private final class FaultCounts: Sendable {
    private struct Counts {
        var isAtEnd = false
        var refused = 0
        var shortWrites = 0
    }

    private let counts = Mutex(Counts())

    var isAtEnd: Bool { counts.withLock { $0.isAtEnd } }
    var refused: Int { counts.withLock { $0.refused } }
    var shortWrites: Int { counts.withLock { $0.shortWrites } }

    func end() { counts.withLock { $0.isAtEnd = true } }

    func add(isRefused: Bool, shortWrites: Int) {
        counts.withLock {
            $0.refused += isRefused ? 1 : 0
            $0.shortWrites += shortWrites
        }
    }
}
