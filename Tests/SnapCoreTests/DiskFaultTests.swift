import SnapCore
import SnapIO
import TestSupport
import Testing

/// Disks that fail, are full, or lie: success is never reported for what is not on the disk, and no wrong byte is read.
@Suite(.serialized) struct DiskFaultTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let name: String
        let errno: CInt
        let extent: FailingDisk.Extent

        var testDescription: String { "\(name), \(extent)" }
    }

    static let faults = FailingDisk.Extent.allCases.flatMap { extent in
        [("EIO", FailingDisk.inputOutput), ("ENOSPC", FailingDisk.noSpace)].map {
            Fault(name: $0.0, errno: $0.1, extent: extent)
        }
    }

    /// One gate in so many is tried; all of them on the long scale.
    private static let stride = max(1, 8 / TestScale.factor)

    @Test(arguments: faults) func aFailureIsNeverASuccess(_ fault: Fault) throws {
        let seed = TestScale.seed("disk faults")
        var generator = SeededGenerator(seed: seed)
        var number = 1 + Int(generator.next() % UInt64(Self.stride))
        var (tried, refused) = (0, 0)
        while true {
            let disk = FailingDisk(at: number, fault.extent, errno: fault.errno)
            let parent = TemporaryDirectory(in: "/dev/shm")
            let place = "gate \(number), \(fault.testDescription), seed \(seed)"
            let (acknowledged, next, error) = live(in: parent, disk, seed: seed)
            if disk.gates < number { break }
            number += Self.stride
            // A full disk fails nothing where no room is taken.
            guard disk.failures > 0 else { continue }
            tried += 1
            if let error {
                refused += 1
                #expect(error is StoreError, "\(error) at \(place)")
            }
            // What is on the disk now, were the power cut: all that was acknowledged.
            var simulated = SimulatedDisk(with: parent.path)
            for operation in disk.journal { simulated.replay(operation) }
            let after = TemporaryDirectory(in: "/dev/shm")
            try simulated.image(.nothingUnsynced, below: parent.path).write(to: after.path)
            for path in [parent.file("store"), after.file("store")] {
                StoreFixture.expectSound(path, names: [acknowledged] + (next.map { [$0] } ?? []), place) { fixture in
                    // And it works again.
                    try fixture.commit("again", tag: "1", files: ["x": [1, 2, 3]])
                }
            }
        }
        print("prove: P5 (\(fault.testDescription)) tried=\(tried) lost=0 refused=\(refused) seed=\(seed)")
        #expect(tried >= 10 && refused > 0)
    }

    /// Lives until something fails. Returns the names acknowledged last, those that the step under way leads to, and
    /// the failure.
    private func live(in parent: TemporaryDirectory, _ observer: FailingDisk, seed: UInt64)
        -> (acknowledged: Set<String>, next: Set<String>?, error: (any Error)?)
    {
        let root = parent.file("store")
        let disk = Disk(observer: observer)
        GatedSQLite.attach(disk, directory: root)
        defer { GatedSQLite.detach(directory: root) }
        var steps: [Set<String>] = []
        do {
            try LifeScript(seed: seed).run(path: root, disk: disk) { steps.append($0) }
            return (steps.last ?? [], nil, nil)
        } catch {
            return (steps.last ?? [], LifeScript.stages.dropFirst(steps.count).first, error)
        }
    }

    @Test func aDiskThatLiesLosesNothingInSilence() throws {
        let seed = TestScale.seed("lying disks")
        let parent = TemporaryDirectory(in: "/dev/shm")
        let life = try RecordedLife(in: parent, seed: seed)
        let known = LifeScript(seed: seed).everything()
        var generator = SeededGenerator(seed: seed)
        var (opened, damaged) = (0, 0)
        let rounds = 200 * TestScale.factor
        for round in 0..<rounds {
            let number = Int(generator.next() % UInt64(life.operations.count + 1))
            let liar = generator.next()
            var disk = life.emptyDisk().lying(seed: liar)
            for operation in life.operations.prefix(number) { disk.replay(operation) }
            let kind: CrashImage = round % 2 == 0 ? .nothingUnsynced : .random(seed: generator.next())
            let target = TemporaryDirectory(in: "/dev/shm")
            try disk.image(kind, below: parent.path).write(to: target.path)
            let place = "round \(round), operation \(number), seed \(seed)"
            guard let store = try? Store.open(path: target.file("store"), create: false) else { continue }
            defer { store.close() }
            opened += 1
            let fixture = StoreFixture(store: store)
            guard let found = try? store.check(Self.readData), let records = try? store.snapshots(org: StoreFixture.org)
            else { continue }
            for record in records {
                if let files = try? fixture.files(of: record) {
                    #expect(known.contains(files), "wrong bytes in \(record.displayName) at \(place)")
                } else {
                    damaged += 1
                    #expect(
                        found.damagedSnapshots.contains { $0.id == record.id },
                        "\(record.displayName) is damaged in silence at \(place)")
                }
            }
        }
        print("prove: P7 tried=\(rounds) lost=0 opened=\(opened) damaged=\(damaged) seed=\(seed)")
        #expect(opened > 0)
    }

    private static var readData: FsckOptions {
        var options = FsckOptions()
        options.readData = true
        return options
    }
}
