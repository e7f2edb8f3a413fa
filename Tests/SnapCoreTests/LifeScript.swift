import SnapCore
import SnapIO
import TestSupport

/// A life of a store, step by step: every command that changes one, and collections that rewrite and merge packs.
struct LifeScript: Sendable {
    /// Contents of the snapshots, the same for the same seed.
    struct Files: Sendable {
        let first: [String: [UInt8]]
        let second: [String: [UInt8]]
        /// Of one whose tag moves on.
        let passing: [String: [UInt8]]
        let latest: [String: [UInt8]]
        /// Of one that is purged: part of it is nobody else's.
        let purged: [String: [UInt8]]
        let small: [[String: [UInt8]]]

        init(seed: UInt64) {
            var generator = SeededGenerator(seed: seed)
            let shared = generator.bytes(20_000)
            first = ["a": shared, "b": generator.bytes(9_000), "empty": []]
            second = ["a": shared, "c": generator.bytes(12_000)]
            passing = ["d": generator.bytes(30_000)]
            latest = ["e": shared, "f": generator.bytes(100)]
            purged = ["a": shared, "g": generator.bytes(10_000)]
            small = (0..<8).map { _ in ["s": generator.bytes(600)] }
        }

        /// All that any snapshot of the life ever held.
        var all: [[String: [UInt8]]] { [first, second, passing, latest, purged] + small }
    }

    let seed: UInt64
    /// Without it the life ends after its first collection.
    let isFull: Bool

    /// What the steps did that a disk which does not fail lets them do.
    struct Deeds {
        var rewrittenPacks: Int64 = 0
        var mergedPacks: Int64 = 0
        var purgedBytes: Int64 = 0
        var expired = 0
    }

    /// - Parameter acknowledge: Called after each step with the snapshots that there must be.
    @discardableResult
    func run(path: String, disk: Disk, acknowledge: ([String]) throws -> Void) throws -> Deeds {
        let files = Files(seed: seed)
        let store = try Store.open(path: path, create: true, disk: disk)
        defer { store.close() }
        let fixture = StoreFixture(store: store)
        func note() throws { try acknowledge(fixture.states()) }
        var deeds = Deeds()
        try note()
        if isFull {
            let small = StoreFixture(store: try Store.open(path: path, create: false, disk: disk, jobs: .small))
            defer { small.store.close() }
            try begin(small, files, note)
        } else {
            try begin(fixture, files, note)
        }
        deeds.rewrittenPacks = try fixture.collect().rewrittenPacks
        try note()
        guard isFull else { return deeds }
        try comeAndGo(fixture, files, note, &deeds)
        for (number, files) in files.small.enumerated() {
            try fixture.commit("small", tag: "\(number)", files: files)
            try note()
        }
        try fixture.store.setExpires(milliseconds: 1, id: record(fixture, "tools", "2").id, org: StoreFixture.org)
        try note()
        let collected = try fixture.collect()
        (deeds.mergedPacks, deeds.expired) = (collected.rewrittenPacks, collected.expiredSnapshots.count)
        try note()
        try fixture.commit("last", tag: "1", files: files.first)
        try note()
        return deeds
    }

    /// Commits, tags that move and one that goes with its snapshot.
    private func begin(_ fixture: StoreFixture, _ files: Files, _ note: () throws -> Void) throws {
        try fixture.commit("tools", tag: "1", files: files.first)
        try note()
        try fixture.commit("tools", tag: "2", files: files.second)
        try note()
        for tag in ["1", "2"] {
            _ = try fixture.store.setTag(
                org: StoreFixture.org, name: "tools", tag: "stable", to: record(fixture, "tools", tag), ifMatch: nil,
                force: true)
            try note()
        }
        try fixture.commit("tools", tag: "latest", files: files.passing)
        try note()
        try fixture.commit("tools", tag: "latest", files: files.latest)
        try note()
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "tools", tag: "1")
        try note()
    }

    /// A snapshot that is deleted and comes back, one that is protected, one that is purged.
    private func comeAndGo(
        _ fixture: StoreFixture, _ files: Files, _ note: () throws -> Void, _ deeds: inout Deeds
    ) throws {
        let (store, org) = (fixture.store, StoreFixture.org)
        try fixture.commit("more", tag: "1", files: files.first)
        try note()
        try store.deleteSnapshot(id: record(fixture, "more", "1").id, org: org)
        try note()
        guard let deleted = try store.deletedSnapshots(org: org).first(where: { $0.name == "more" }) else {
            throw StoreError(.notFound, "The deleted snapshot is forgotten.")
        }
        _ = try store.undelete(deleted, org: org)
        try note()
        try store.setProtected(true, id: record(fixture, "more", "1").id, org: org)
        try note()
        try fixture.commit("gone", tag: "1", files: files.purged)
        try note()
        let gone = try record(fixture, "gone", "1").id
        try store.deleteSnapshot(id: gone, org: org)
        try note()
        deeds.purgedBytes = try store.purge(gone, org: org).freedBytes
        try note()
    }

    private func record(_ fixture: StoreFixture, _ name: String, _ tag: String) throws -> SnapshotRecord {
        guard let record = try fixture.store.snapshot(org: StoreFixture.org, name: name, tag: tag) else {
            throw StoreError(.notFound, "There is no \(name):\(tag).")
        }
        return record
    }

    /// What there is after each step.
    func stages() throws -> [[String]] {
        let directory = TemporaryDirectory(in: "/dev/shm")
        var stages: [[String]] = []
        try run(path: directory.file("store"), disk: Disk()) { stages.append($0) }
        return stages
    }
}
