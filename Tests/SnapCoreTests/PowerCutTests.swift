import SnapCore
import SnapIO
import TestSupport
import Testing

/// A power cut at every durable operation of a life of a store, those of SQLite included: what was acknowledged is there,
/// what was not is whole or absent, and nothing is wrong with the rest.
@Suite(.serialized) struct PowerCutTests {
    /// States that are looked for.
    private static let wanted = 10_150 * TestScale.factor
    /// In one state of so many, the store is also used again.
    private static let usedAgain = 48

    @Test func nothingAcknowledgedIsLost() throws {
        let seed = TestScale.seed("power cuts")
        let proof = Proof("P1", seed: seed)
        let parent = TemporaryDirectory(in: "/dev/shm")
        let life = try RecordedLife(in: parent, LifeScript(seed: seed, isFull: true))
        let deeds = life.deeds
        #expect(deeds.rewrittenPacks > 0 && deeds.mergedPacks >= 8 && deeds.purgedBytes > 0 && deeds.expired == 1)
        let pool = try WorkerPool(threads: 2, queueMax: 8)
        var disk = life.emptyDisk()
        var states: Set<Int> = []
        /// Says whether the state is a new one.
        func take(_ kind: CrashImage, _ name: String, at number: Int) throws -> Bool {
            let image = disk.image(kind, below: parent.path)
            guard states.insert(life.state(image, at: number)).inserted else { return false }
            let isUsed = states.count % Self.usedAgain == 0
            try pool.submit {
                proof.note(name)
                let place = "operation \(number), \(kind), seed \(seed)"
                for loss in try Self.losses(image, life.expected(at: number), isUsed: isUsed) {
                    proof.lose("\(loss) at \(place)")
                }
            }
            return true
        }
        let last = life.operations.count
        for number in 0...last {
            _ = try take(.nothingUnsynced, "with nothing unsynced", at: number)
            _ = try take(.everything, "with everything", at: number)
            _ = try take(.namesWithoutData, "with names without data", at: number)
            // As many as it takes to keep up; few where little is unsynced.
            let goal = Self.wanted * (number + 1) / (last + 1)
            var (extra, repeats) = (UInt64(0), 0)
            while states.count < goal, repeats < 8 {
                let random = CrashImage.random(seed: seed &+ UInt64(number) << 32 &+ extra)
                repeats = try take(random, "of random subsets", at: number) ? 0 : repeats + 1
                extra += 1
            }
            if number < last { disk.replay(life.operations[number]) }
        }
        try pool.wait()
        let lost = proof.report("states after a power cut at \(last) operations of a life")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried == states.count && proof.tried >= 10_000 * TestScale.factor)
    }

    /// What is wrong with what a power cut has left.
    private static func losses(_ image: SimulatedDisk.Image, _ expected: [[String]], isUsed: Bool) throws -> [String] {
        let target = TemporaryDirectory(in: "/dev/shm")
        try image.write(to: target.path)
        // In the place of the reserve, which takes longer to make than all else here.
        if Kernel.exists(target.file("store")) { try target.file("store/reserve").write([]) }
        return StoreFixture.losses(target.file("store"), expected: expected) { fixture in
            let sessions = try fixture.store.statistics().sessions
            guard sessions == 0 else { return ["a dead session is left"] }
            return isUsed ? try fixture.lossesInUse() : []
        }
    }
}
