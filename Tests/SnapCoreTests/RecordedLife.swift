import SnapCore
import SnapIO
import TestSupport

/// A life of a store with every durable operation recorded, those of SQLite included.
struct RecordedLife: Sendable {
    /// What must be there once so many operations have passed: acknowledged before the next one began.
    private struct Acknowledged {
        let operations: Int
        let snapshots: [String]
    }

    let operations: [GateOperation]
    let deeds: LifeScript.Deeds
    private let acknowledged: [Acknowledged]
    private let parent: String

    /// - Parameter parent: The store is made in its directory `store`.
    init(in parent: TemporaryDirectory, _ script: LifeScript) throws {
        let root = parent.file("store")
        let recorder = DiskRecorder()
        var acknowledged = [Acknowledged(operations: 0, snapshots: [])]
        deeds = try GatedSQLite.attached(Disk(observer: recorder), store: root) { disk in
            try script.run(path: root, disk: disk) { snapshots in
                acknowledged.append(Acknowledged(operations: recorder.count, snapshots: snapshots))
            }
        }
        operations = recorder.journal
        self.acknowledged = acknowledged
        self.parent = parent.path
    }

    /// A disk on which only the store's parent exists.
    func emptyDisk() -> SimulatedDisk { SimulatedDisk(with: parent) }

    /// What may be seen after a cut before operation `number`: what was acknowledged by then, and what the operation
    /// under way leads to.
    func expected(at number: Int) -> [[String]] {
        let before = acknowledged.last { $0.operations <= number }?.snapshots ?? []
        return [before, acknowledged.first { $0.operations > number }?.snapshots ?? before]
    }

    /// Tells states apart that need a check of their own.
    func state(_ image: SimulatedDisk.Image, at number: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(image)
        hasher.combine(expected(at: number))
        return hasher.finalize()
    }
}
