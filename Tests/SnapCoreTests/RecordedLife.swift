import SnapCore
import SnapIO
import TestSupport

/// A store that was made, committed to, tagged, deleted from and collected, with every durable operation recorded.
struct RecordedLife {
    /// What must be there once so many operations have passed: acknowledged before the next one began.
    private struct Acknowledged {
        let operations: Int
        let names: Set<String>
    }

    let operations: [GateOperation]
    private let acknowledged: [Acknowledged]
    private let parent: String

    /// - Parameter parent: The store is made in its directory `store`.
    init(in parent: TemporaryDirectory, seed: UInt64) throws {
        let root = parent.file("store")
        let recorder = DiskRecorder()
        let disk = Disk(observer: recorder)
        GatedSQLite.attach(disk, directory: root)
        defer { GatedSQLite.detach(directory: root) }
        var acknowledged = [Acknowledged(operations: 0, names: [])]
        try LifeScript(seed: seed).run(path: root, disk: disk) { names in
            acknowledged.append(Acknowledged(operations: recorder.count, names: names))
        }
        operations = recorder.journal
        self.acknowledged = acknowledged
        self.parent = parent.path
    }

    /// A disk on which only the store's parent exists.
    func emptyDisk() -> SimulatedDisk { SimulatedDisk(with: parent) }

    /// What may be seen after a cut before operation `number`: what was acknowledged by then, and what the operation
    /// under way leads to.
    func expected(at number: Int) -> (before: Set<String>, after: Set<String>) {
        let before = acknowledged.last { $0.operations <= number }?.names ?? []
        return (before, acknowledged.first { $0.operations > number }?.names ?? before)
    }

    /// Tells states apart that need a check of their own.
    func state(_ image: SimulatedDisk.Image, at number: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(image)
        let (before, after) = expected(at: number)
        hasher.combine(before)
        hasher.combine(after)
        return hasher.finalize()
    }
}

/// The steps of such a life.
struct LifeScript {
    let seed: UInt64

    /// The names that there are after each step.
    static let stages: [Set<String>] = [
        [], ["tools:1"], ["tools:1", "tools:2"], ["tools:1", "tools:2", "tools:latest"],
        ["tools:1", "tools:2", "tools:", "tools:latest"], ["tools:2", "tools:", "tools:latest"],
        ["tools:2", "tools:", "tools:latest"], ["tools:2", "tools:", "tools:latest", "more:1"],
    ]

    /// Files of the snapshots that a tag names at the end.
    func contents() -> [String: [String: [UInt8]]] {
        var generator = SeededGenerator(seed: seed)
        let shared = generator.bytes(30_000)
        let first = ["a": shared, "b": generator.bytes(9_000), "empty": []]
        return [
            "tools:1": first, "tools:2": ["a": shared, "c": generator.bytes(20_000)],
            "tools:latest": ["e": shared, "f": generator.bytes(100)], "more:1": first,
        ]
    }

    /// Of one whose tag moves on.
    private func passing() -> [String: [UInt8]] {
        var generator = SeededGenerator(seed: seed &+ 1)
        return ["d": generator.bytes(70_000)]
    }

    /// All that any snapshot of the life ever held.
    func everything() -> [[String: [UInt8]]] { Array(contents().values) + [passing()] }

    /// - Parameter acknowledge: Called after each step with the names of the snapshots that there must be.
    func run(path: String, disk: Disk, acknowledge: (Set<String>) throws -> Void) throws {
        let contents = contents()
        func files(_ name: String) -> [String: [UInt8]] { contents[name] ?? [:] }
        let store = try Store.open(path: path, create: true, disk: disk)
        defer { store.close() }
        let fixture = StoreFixture(store: store)
        func note() throws { try acknowledge(try fixture.names()) }
        try note()
        try fixture.commit("tools", tag: "1", files: files("tools:1"))
        try note()
        try fixture.commit("tools", tag: "2", files: files("tools:2"))
        try note()
        try fixture.commit("tools", tag: "latest", files: passing())
        try note()
        try fixture.commit("tools", tag: "latest", files: files("tools:latest"))
        try note()
        _ = try store.deleteTag(org: StoreFixture.org, name: "tools", tag: "1")
        try note()
        try fixture.collect()
        try note()
        try fixture.commit("more", tag: "1", files: files("more:1"))
        try note()
    }
}
