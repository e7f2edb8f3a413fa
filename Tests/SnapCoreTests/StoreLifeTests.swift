import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Commits, tags, deletes and collection, seen from outside.
@Suite struct StoreLifeTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func open(_ name: String = "store") throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: directory.file(name), create: true))
    }

    private func packBytes(_ fixture: StoreFixture) throws -> Int64 { try fixture.store.statistics().packBytes }

    @Test func whatIsCommittedIsRead() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 1)
        let bytes = generator.bytes(10_000)
        let result = try fixture.commit("tools", files: ["a": bytes])
        #expect(
            result.isNew && result.record.tags.map(\.description) == ["\(result.record.name):latest"]
                && result.record.fileCount == 1)
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let manifest = try Manifest.decode(reader.read(ObjectKey(.manifest, result.record.manifest)))
        let root = try RootNode.decode(reader.read(ObjectKey(.tree, manifest.root)))
        guard case .directory(let tree) = root.node else { return #expect(Bool(false)) }
        let entry = try lookUp(name: Array("a".utf8), inTree: tree) { try reader.read($0) }
        guard case .file(let content) = entry?.node else { return #expect(Bool(false)) }
        var cursor = try SegmentCursor(content) { try reader.read($0) }
        var read: [UInt8] = []
        while case .data(let digest, _) = try cursor.next() { read += try reader.read(ObjectKey(.chunk, digest)) }
        #expect(read == bytes)
        #expect(try fixture.problems().isEmpty)
    }

    @Test func equalContentIsStoredOnceAndCommittedOnce() throws {
        let fixture = try open()
        let first = try fixture.commit("tools", files: ["a": Array(repeating: 7, count: 50_000)])
        let again = try fixture.commit("tools", files: ["a": Array(repeating: 7, count: 50_000)])
        #expect(!again.isNew && again.record.id == first.record.id)
        let other = try fixture.commit("other", files: ["a": Array(repeating: 7, count: 50_000)])
        #expect(other.isNew && other.record.newBytes == 0 && other.record.manifest == first.record.manifest)
    }

    @Test func aByteChangedStoresOneChunkAndTheNodesAboveIt() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 2)
        var bytes = generator.bytes(100 * 4096)
        try fixture.commit("tools", files: ["a": bytes, "b": generator.bytes(5000)])
        bytes[200_000] ^= 1
        let before = try fixture.store.statistics()
        try fixture.commit("tools", tag: "2", files: ["a": bytes, "b": generator.bytes(0)])
        let after = try fixture.store.statistics()
        // One chunk, one list node, one tree node, the root and the manifest; "b" is empty now.
        #expect(after.objects - before.objects == 5)
    }

    @Test func aTagMovesOnlyAsTheRuleSays() throws {
        let fixture = try open()
        let one = try fixture.commit("t", tag: "1", files: ["a": [1]])
        #expect(throws: StoreError.self) { try fixture.commit("t", tag: "1", files: ["a": [2]]) }
        #expect(throws: StoreError.self) {
            try fixture.commit("t", tag: "1", files: ["a": [2]], ifMatch: SnapshotDraft.Match.none)
        }
        let wrong = SnapshotDraft.Match.manifest("sha256:" + String(repeating: "0", count: 64))
        #expect(throws: StoreError.self) { try fixture.commit("t", tag: "1", files: ["a": [2]], ifMatch: wrong) }
        let two = try fixture.commit(
            "t", tag: "1", files: ["a": [2]], ifMatch: .manifest(one.record.manifest.description))
        #expect(two.replaced == one.record.manifest)
        #expect(try fixture.commit("t", tag: "1", files: ["a": [3]], force: true).replaced == two.record.manifest)
        // What a tag moved away from stays.
        #expect(try fixture.names() == ["t:1", "t:"])
        #expect(try fixture.problems().isEmpty)
    }

    @Test func collectionLeavesWhatAFreshStoreWouldHold() throws {
        var generator = SeededGenerator(seed: 3)
        let shared = generator.bytes(2_000_000)
        let versions = (0..<3).map { _ in ["shared": shared, "own": generator.bytes(1_500_000)] }
        let fixture = try open()
        for (number, files) in versions.enumerated() { try fixture.commit("v", tag: "\(number)", files: files) }
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "v", tag: "1")
        let result = try fixture.collect()
        #expect(result.freedBytes > 1_400_000)
        let fresh = try open("fresh")
        for number in [0, 2] { try fresh.commit("v", tag: "\(number)", files: versions[number]) }
        #expect(Double(try packBytes(fixture)) <= 1.03 * Double(try packBytes(fresh)))
        #expect(try fixture.problems().isEmpty)
    }

    /// Of 10 MB that compress and 160 KB among them that do not, the latter go: 2 % of the raw bytes, much of the room.
    @Test func deadBytesCountAsTheyAreStored() throws {
        var generator = SeededGenerator(seed: 9)
        var kept: [String: [UInt8]] = [:]
        var all: [String: [UInt8]] = [:]
        for number in 0..<20 {
            let lines = (0..<20_000).map { "line \($0) of file \(number)\n" }.joined()
            kept["\(number)-text"] = Array(lines.utf8)
            all["\(number)-archive"] = generator.bytes(8_000)
        }
        all.merge(kept) { $1 }
        let fixture = try open()
        try fixture.commit("v", tag: "0", files: all)
        try fixture.commit("v", tag: "1", files: kept)
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "v", tag: "0")
        var dry = GCOptions()
        (dry.dryRun, dry.graceMilliseconds) = (true, 0)
        let foreseen = try fixture.store.collectGarbage(dry)
        let result = try fixture.collect()
        #expect(result.rewrittenPacks > 0 && foreseen.rewrittenPacks == result.rewrittenPacks)
        // An estimate: each frame is taken to compress evenly.
        #expect(foreseen.freedBytes > 0 && foreseen.freedBytes <= result.freedBytes)
        let fresh = try open("fresh")
        try fresh.commit("v", tag: "1", files: kept)
        #expect(Double(try packBytes(fixture)) <= 1.03 * Double(try packBytes(fresh)))
        #expect(try fixture.problems().isEmpty)
    }

    @Test func theGracePeriodKeepsWhatWasLetGo() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 4)
        try fixture.commit("t", tag: "1", files: ["a": generator.bytes(100_000)])
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        let result = try fixture.store.collectGarbage()
        #expect(result.freedBytes == 0 && result.laterBytes > 100_000 && result.laterAtMilliseconds != nil)
        #expect(try fixture.collect().freedBytes > 100_000)
        #expect(try packBytes(fixture) == 0)
    }

    @Test func anOpenSessionKeepsWhatItMayUse() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 5)
        let files = ["a": generator.bytes(100_000)]
        try fixture.commit("t", tag: "1", files: files)
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let manifest = try fixture.put(files, session)
        #expect(session.newBytes == 0)
        _ = try fixture.store.deleteTag(org: StoreFixture.org, name: "t", tag: "1")
        #expect(!(try fixture.collect().reasons.isEmpty))
        // All of it was held when the session began, so it is still there, and comes back to life.
        _ = try session.commit(SnapshotDraft(name: "t", tag: "2", manifest: manifest, kind: "directory"))
        #expect(try fixture.names() == ["t:2"])
        try fixture.collect()
        #expect(try fixture.problems().isEmpty)
    }

    @Test func aManifestThatNeedsWhatIsNowhereIsRefusedAndUndone() throws {
        let fixture = try open()
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        let metadata = StoreFixture.metadata
        let missing = try SHA256().digest([1, 2, 3])
        var builder = TreeBuilder { kind, bytes in try session.store(kind, bytes) }
        for number in 0..<1500 {
            let digest =
                number == 1400
                ? missing
                : try session.store(
                    .chunk, Array("chunk number \(number) of many, long enough".utf8) + Array(repeating: 0, count: 60))
            let content = Content(
                cut: .contentDefined, length: 100, body: .segments([.data(digest, size: 100)]))
            let name = Array(String(number + 10_000).utf8)
            try builder.append(Entry(name: name, metadata: metadata, node: .file(content)))
        }
        let root = Entry(name: [], metadata: metadata, node: .directory(try builder.finish()))
        let rootDigest = try session.store(.tree, try RootNode.encode(root))
        let manifest = try session.store(.manifest, try Manifest(kind: .directory, root: rootDigest).encode())
        #expect {
            _ = try session.commit(SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory"))
        } throws: { error in
            (error as? StoreError)?.code == .incomplete
        }
        session.end()
        #expect(try fixture.names().isEmpty)
        #expect(try fixture.store.statistics().heldBytes == 0)
        #expect(try fixture.problems().isEmpty)
        try fixture.collect()
        #expect(try packBytes(fixture) == 0)
    }

    @Test func aCommitOfMoreThanSixtyPacksKeepsToItsRows() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 8)
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        defer { session.end() }
        var digests: [Digest] = []
        for _ in 0..<70 {
            digests.append(try session.store(.chunk, generator.bytes(1 << 20)))
            try session.flush()
        }
        var builder = TreeBuilder { kind, bytes in try session.store(kind, bytes) }
        for (number, digest) in digests.enumerated() {
            let content = Content(
                cut: .contentDefined, length: 1 << 20, body: .segments([.data(digest, size: 1 << 20)]))
            try builder.append(
                Entry(name: Array("\(number + 100)".utf8), metadata: StoreFixture.metadata, node: .file(content)))
        }
        let root = Entry(name: [], metadata: StoreFixture.metadata, node: .directory(try builder.finish()))
        let rootDigest = try session.store(.tree, try RootNode.encode(root))
        let manifest = try session.store(.manifest, try Manifest(kind: .directory, root: rootDigest).encode())
        _ = try session.commit(SnapshotDraft(name: "big", tag: "1", manifest: manifest, kind: "directory"))
        #expect(try fixture.store.statistics().packs >= 70)
        #expect(try fixture.problems().isEmpty)
    }
}
