import SnapCore
import SnapIO
import TestSupport
import Testing

/// A power cut at every durable operation of a life of a store, those of SQLite included: what was acknowledged is there,
/// what was not is whole or absent, and nothing is wrong with the rest.
@Suite(.serialized) struct PowerCutTests {
    @Test func nothingAcknowledgedIsLost() throws {
        let seed = TestScale.seed("power cuts")
        let parent = TemporaryDirectory(in: "/dev/shm")
        let life = try RecordedLife(in: parent, seed: seed)
        var disk = life.emptyDisk()
        var checked: Set<Int> = []
        for number in 0...life.operations.count {
            var kinds: [CrashImage] = [.nothingUnsynced, .everything, .namesWithoutData]
            for extra in 0..<UInt64(8 * TestScale.factor) {
                kinds.append(.random(seed: seed &+ UInt64(number) * 100_000 &+ extra))
            }
            for kind in kinds {
                let image = disk.image(kind, below: parent.path)
                guard checked.insert(life.state(image, at: number)).inserted else { continue }
                try check(image, at: number, life, "operation \(number), \(kind), seed \(seed)")
            }
            if number < life.operations.count { disk.replay(life.operations[number]) }
        }
        print("prove: P1 tried=\(checked.count) lost=0 operations=\(life.operations.count) seed=\(seed)")
        #expect(checked.count >= 1000)
    }

    private func check(_ image: SimulatedDisk.Image, at number: Int, _ life: RecordedLife, _ place: String) throws {
        let target = TemporaryDirectory(in: "/dev/shm")
        try image.write(to: target.path)
        let path = target.path + "/store"
        let (before, after) = life.expected(at: number)
        StoreFixture.expectSound(path, names: [before, after], place) { fixture in
            let sessions = try fixture.store.statistics().sessions
            #expect(sessions == 0, "a dead session is left at \(place)")
        }
    }
}
