import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// Frames that leave a store as they are, and come into one.
@Suite struct WholeFrameTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func keys(of bytes: [UInt8]) throws -> [ObjectKey] {
        let hasher = try SHA256()
        return stride(from: 0, to: bytes.count, by: 4096).map { start in
            ObjectKey(.chunk, hasher.digest(Array(bytes[start..<min(start + 4096, bytes.count)])))
        }
    }

    private func fixture(_ name: String) throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: directory.file(name), create: true))
    }

    /// The frames that go as they are, when these are asked for.
    private func whole(_ keys: [ObjectKey], _ reader: ObjectReader) throws -> [StoredFrame] {
        let shares = try reader.shares(of: keys)
        #expect(Set(shares.flatMap(\.keys)) == Set(keys) && shares.flatMap(\.keys).count == keys.count)
        return shares.compactMap { reader.wholeFrame($0) }
    }

    @Test func aFrameGoesOnlyToWhoMayHaveAllOfIt() throws {
        var generator = SeededGenerator(seed: TestScale.seed("whole frames"))
        let fixture = try fixture("store")
        defer { fixture.store.close() }
        let (kept, deleted) = (generator.bytes(400_000), generator.bytes(400_000))
        let both = try fixture.commit("both", files: ["a": kept, "b": deleted])
        try fixture.commit("kept", files: ["a": kept])
        let all = try keys(of: kept) + keys(of: deleted)
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let frames = try whole(all.shuffled(using: &generator), reader)
        #expect(Set(frames.flatMap { $0.objects.map(\.key) }).isSuperset(of: all))
        // One less, and the frame stays.
        #expect(
            try whole(Array(all.dropLast()), reader).allSatisfy { frame in
                !frame.objects.contains { all.last == $0.key }
            })
        try fixture.store.deleteSnapshot(id: both.record.id, org: StoreFixture.org)
        try fixture.store.settle(org: StoreFixture.org)
        let after = try fixture.store.reader(org: StoreFixture.org)
        #expect(try whole(keys(of: kept), after).isEmpty)
        let error = #expect(throws: StoreError.self) { try after.shares(of: all) }
        #expect(error?.code == .notFound)
    }

    @Test func damagedBytesDoNotGo() throws {
        var generator = SeededGenerator(seed: TestScale.seed("damaged whole frames"))
        let fixture = try fixture("store")
        defer { fixture.store.close() }
        let bytes = generator.bytes(3_000_000)
        try fixture.commit("a", files: ["a": bytes])
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let before = try whole(keys(of: bytes), reader)
        #expect(before.count >= 2)
        let packs = try Command.run(
            "/usr/bin/find", [directory.file("store/packs"), "-name", "*.pack", "-size", "+1M"])
        let path = try #require(packs.output.split(separator: "\n").first.map(String.init))
        var pack = try Kernel.readFile(path, limit: 64 << 20)
        pack[5000] ^= 1
        try path.write(pack)
        let after = try whole(keys(of: bytes), fixture.store.reader(org: StoreFixture.org))
        #expect(after.count == before.count - 1)
    }

    /// Into another store: kept as they are where all is new, else object by object; what is in them reads back.
    @Test(arguments: [false, true]) func aFrameThatComesIsKept(_ isPartHeld: Bool) throws {
        var generator = SeededGenerator(seed: TestScale.seed("frames that come"))
        let (one, other) = (try fixture("one"), try fixture("other"))
        defer {
            one.store.close()
            other.store.close()
        }
        let bytes = generator.bytes(900_000)
        let files = ["a": bytes]
        try one.commit("a", files: files)
        if isPartHeld { try other.commit("part", files: ["p": Array(bytes[..<(3 * 4096)])]) }
        let reader = try one.store.reader(org: StoreFixture.org)
        let frames = try whole(keys(of: bytes), reader)
        let session = try other.store.beginSession(.push, org: StoreFixture.org)
        defer { session.end() }
        let decoder = try FrameDecoder()
        for frame in frames {
            let info = FrameInfo(
                offset: 0, storedBytes: UInt32(frame.stored.count), rawBytes: frame.rawBytes, codec: frame.codec,
                check: frame.check)
            let raw = try decoder.decode(frame.stored, info)
            try raw.withUnsafeBytes { raw in
                var start = 0
                let objects = frame.objects.map { key, length in
                    defer { start += Int(length) }
                    return (key: key, bytes: UnsafeRawBufferPointer(rebasing: raw[start..<(start + Int(length))]))
                }
                // Twice: the second time all of it is there.
                for _ in 0..<2 { try session.put(frame, objects) }
            }
        }
        #expect(session.newBytes == Int64(bytes.count - (isPartHeld ? 3 * 4096 : 0)))
        let manifest = try other.put(files, session)
        try session.commit(SnapshotDraft(name: "a", tag: "1", manifest: manifest, kind: "directory"))
        let copied = try other.store.reader(org: StoreFixture.org)
        for key in try keys(of: bytes) { #expect(try copied.read(key) == reader.read(key)) }
        let (sent, kept) = (Set(frames.map(\.check)), Set(try whole(keys(of: bytes), copied).map(\.check)))
        #expect(isPartHeld ? kept.isDisjoint(with: sent) : kept == sent)
        #expect(try other.store.check().problems.isEmpty)
    }
}
