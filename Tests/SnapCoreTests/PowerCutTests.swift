import SnapCore
import SnapIO
import TestSupport
import Testing

/// A power cut at every durable operation of a life of a store: what was acknowledged is there, what was not is whole or
/// absent, and nothing is wrong with the rest.
@Suite(.serialized) struct PowerCutTests {
    /// What must be there once so many operations have passed: acknowledged before the next one began.
    private struct Acknowledged {
        let operations: Int
        let names: Set<String>
    }

    private struct Life {
        let steps: [DiskRecorder.Step]
        let end: [String: [UInt8]]
        let acknowledged: [Acknowledged]
        let root: String
    }

    /// Makes a store, commits, moves a tag, deletes, collects; all recorded.
    private func live(in parent: TemporaryDirectory, seed: UInt64) throws -> Life {
        let root = parent.file("store")
        let recorder = DiskRecorder(databasePath: root + "/catalog.sqlite")
        var acknowledged = [Acknowledged(operations: 0, names: [])]
        var generator = SeededGenerator(seed: seed)
        let store = try Store.open(path: root, create: true, disk: Disk(observer: recorder))
        let fixture = StoreFixture(store: store)
        func note() throws { acknowledged.append(Acknowledged(operations: recorder.count, names: try fixture.names())) }
        let shared = generator.bytes(30_000)
        let first = ["a": shared, "b": generator.bytes(9_000), "empty": []]
        try note()
        try fixture.commit("tools", tag: "1", files: first)
        try note()
        try fixture.commit("tools", tag: "2", files: ["a": shared, "c": generator.bytes(20_000)])
        try note()
        try fixture.commit("tools", tag: "latest", files: ["d": generator.bytes(70_000)])
        try note()
        try fixture.commit("tools", tag: "latest", files: ["e": shared, "f": generator.bytes(100)])
        try note()
        _ = try store.deleteTag(org: StoreFixture.org, name: "tools", tag: "1")
        try note()
        try fixture.collect()
        try note()
        try fixture.commit("more", tag: "1", files: first)
        try note()
        store.close()
        let (steps, end) = recorder.journal
        return Life(steps: steps, end: end, acknowledged: acknowledged, root: root)
    }

    @Test func nothingAcknowledgedIsLost() throws {
        let seed = TestScale.seed("power cuts")
        let parent = TemporaryDirectory(in: "/dev/shm")
        let life = try live(in: parent, seed: seed)
        var disk = SimulatedDisk()
        disk.replay(.makeDirectory(path: parent.path))
        disk.replay(.syncDirectory(path: String(parent.path.prefix(8))))
        var states = 0
        for number in 0...life.steps.count {
            let database = number < life.steps.count ? life.steps[number].database : life.end
            var images: [CrashImage] = [.nothingUnsynced, .everything, .namesWithoutData]
            for extra in 0..<(5 * TestScale.factor) {
                images.append(.random(seed: seed &+ UInt64(number * 1000 + extra)))
            }
            for image in images {
                try check(image, at: number, disk, database, life, parent, seed)
                states += 1
            }
            if number < life.steps.count { disk.replay(life.steps[number].operation) }
        }
        print("power cuts: \(life.steps.count) operations, \(states) states, 0 lost")
        #expect(states >= 1000)
    }

    private func check(
        _ image: CrashImage, at number: Int, _ disk: SimulatedDisk, _ database: [String: [UInt8]], _ life: Life,
        _ parent: TemporaryDirectory, _ seed: UInt64
    ) throws {
        let target = TemporaryDirectory(in: "/dev/shm")
        try disk.write(image, database: database, root: parent.path, to: target.path)
        let path = target.path + life.root.dropFirst(parent.path.count)
        let before = life.acknowledged.last { $0.operations <= number }?.names ?? []
        let after = life.acknowledged.first { $0.operations > number }?.names ?? before
        let place = "operation \(number), \(image), seed \(seed)"
        guard Kernel.exists(path + "/FORMAT") else {
            #expect(before.isEmpty, "the store is gone at \(place)")
            return
        }
        do {
            let store = try Store.open(path: path, create: false)
            defer { store.close() }
            let fixture = StoreFixture(store: store)
            try store.settle(org: StoreFixture.org)
            let names = try fixture.names()
            #expect(names == before || names == after, "\(names) at \(place); before \(before), after \(after)")
            let problems = try fixture.problems()
            #expect(problems.isEmpty, "\(problems) at \(place)")
            #expect(try store.statistics().sessions == 0, "a dead session is left at \(place)")
        } catch {
            Issue.record("\(error) at \(place)")
        }
    }
}
