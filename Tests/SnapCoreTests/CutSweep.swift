import SnapCore
import SnapIO
import TestSupport
import Testing

/// Power cuts at each of some recorded operations.
struct CutSweep {
    let journal: [GateOperation]
    /// The directory that everything recorded is below.
    let parent: String
    let seed: UInt64
    /// Random subsets of what is not synced that are tried at each operation.
    let randoms: Int
    /// The same after a rename, where names are at stake.
    let randomsAfterRename: Int

    /// Calls `body` with each state that a cut can leave: its path, how many operations there were, and words for both.
    /// What is thrown there is an issue of that place.
    ///
    /// - Parameter numbers: How many operations come before the first cut, and before the last.
    /// - Returns: How many states there were.
    func run(_ numbers: ClosedRange<Int>, _ body: (String, Int, String) throws -> Void) throws -> Int {
        var disk = SimulatedDisk(with: parent)
        for operation in journal.prefix(numbers.lowerBound) { disk.replay(operation) }
        var tried = 0
        var before: Set<SimulatedDisk.Image> = []
        for number in numbers {
            var images: Set<SimulatedDisk.Image> = []
            for kind in kinds(at: number) {
                let image = disk.image(kind, below: parent)
                // What the operation before could leave as well was tried there; at the end more is expected.
                guard images.insert(image).inserted, number == numbers.upperBound || !before.contains(image) else {
                    continue
                }
                tried += 1
                let place = "operation \(number) of \(numbers), \(kind), seed \(seed)"
                do {
                    let target = TemporaryDirectory(in: "/dev/shm")
                    try image.write(to: target.path)
                    try body(target.path, number, place)
                } catch {
                    Issue.record("\(error) at \(place)")
                }
            }
            before = images
            if number < numbers.upperBound { disk.replay(journal[number]) }
        }
        return tried
    }

    private func kinds(at number: Int) -> [CrashImage] {
        var count = randoms
        if number > 0, case .rename = journal[number - 1] { count = randomsAfterRename }
        let random = (0..<UInt64(count)).map { CrashImage.random(seed: seed &+ UInt64(number) * 1000 &+ $0) }
        return [.nothingUnsynced, .everything, .namesWithoutData] + random
    }
}

extension StoreFixture {
    /// The tags of a store that a cut has left, which a full check must find sound.
    static func tagsOfSound(_ path: String, _ place: String) throws -> Set<String> {
        let fixture = StoreFixture(store: try Store.open(path: path, create: false))
        defer { fixture.store.close() }
        try fixture.store.settle(org: org)
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems) at \(place)")
        return Set(try fixture.store.snapshots(org: org).flatMap { $0.tags.map(\.description) })
    }
}
