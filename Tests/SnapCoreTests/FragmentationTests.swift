import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// How far a snapshot is scattered, against a count by hand from the footers of the packs.
@Suite struct FragmentationTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func open() throws -> StoreFixture {
        StoreFixture(store: try Store.open(path: directory.file("store"), create: true))
    }

    @Test func rangesAreASetOfBytes() throws {
        let seed = TestScale.seed("byte ranges")
        var generator = SeededGenerator(seed: seed)
        for round in 0..<(200 * TestScale.factor) {
            var ranges = ByteRanges()
            var naive: Set<Int64> = []
            for _ in 0..<30 {
                let start = Int64.random(in: 0..<60, using: &generator)
                let new = start..<(start + Int64.random(in: 0..<8, using: &generator))
                let isNew = !new.isEmpty && !naive.contains(start)
                let place = "\(new) in round \(round), seed \(seed)"
                if Bool.random(using: &generator) {
                    let isInserted = ranges.insert(new)
                    #expect(isInserted == isNew, "\(place)")
                    if isNew { for byte in new.prefix(while: { !naive.contains($0) }) { naive.insert(byte) } }
                } else {
                    var other = ByteRanges()
                    _ = other.insert(new)
                    ranges.formUnion(other)
                    naive.formUnion(new)
                }
                #expect(ranges.count == Int64(naive.count), "\(place)")
                #expect((0..<70).allSatisfy { ranges.contains($0) == naive.contains($0) }, "\(place)")
                let gaps = zip(ranges.ranges, ranges.ranges.dropFirst())
                #expect(gaps.allSatisfy { $0.upperBound < $1.lowerBound }, "\(place)")
            }
        }
    }

    /// One that is alone: every frame once, nothing in vain but the record, the files in one run a pack.
    @Test func aSnapshotAloneIsInOnePiece() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 1)
        let files = Dictionary(uniqueKeysWithValues: (0..<100).map { ("f\($0)", generator.bytes(40_000)) })
        let record = try fixture.commit("t", files: files).record
        let found = try fixture.store.fragmentation(of: record.manifest, org: StoreFixture.org)
        #expect(found.objectBytes == record.uniqueBytes && found.chunkBytes == 4_000_000)
        #expect(found.frames == found.decodedFrames && found.runs == 1 && found.meanRunBytes == 4_000_000)
        #expect(found.decodedBytes - found.objectBytes < 1000 && found.readAmplification < 1.001)
        let counted = try Self.counted(fixture, directory.file("store"), record.manifest)
        #expect(found == counted)
    }

    @Test func filesOfNoBytesAreAtHand() throws {
        let fixture = try open()
        let record = try fixture.commit("t", files: ["a": [], "b": [1, 2]]).record
        let found = try fixture.store.fragmentation(of: record.manifest, org: StoreFixture.org)
        #expect(found.runs == 0 && found.meanRunBytes == 0 && found.frames == 1 && found.objects == 3)
    }

    /// Versions that share files with those before, and one that has them in another order, of more than a reader keeps.
    @Test func figuresAreThoseOfACount() throws {
        let seed = TestScale.seed("fragmentation")
        var generator = SeededGenerator(seed: seed)
        let fixture = try open()
        var files = Dictionary(uniqueKeysWithValues: (0..<450).map { ("f\($0)", generator.bytes(100_000)) })
        for version in 1...4 {
            if version == 4 {
                let shuffled = files.values.shuffled(using: &generator)
                files = Dictionary(uniqueKeysWithValues: shuffled.enumerated().map { ("g\($0)", $1) })
            } else if version > 1 {
                for name in files.keys.sorted() where generator.next() % 5 == 0 {
                    files[name] = generator.bytes(Int.random(in: 0..<50_000, using: &generator))
                }
            }
            let record = try fixture.commit("v", tag: "\(version)", files: files).record
            let found = try fixture.store.fragmentation(of: record.manifest, org: StoreFixture.org)
            let counted = try Self.counted(fixture, directory.file("store"), record.manifest)
            #expect(found == counted, "version \(version), seed \(seed)")
            switch version {
            case 1: #expect(found.readAmplification < 1.01)
            // Most frames are wanted again when they are no longer kept.
            case 4: #expect(2 * found.decodedFrames > 3 * found.frames && found.runs > 200, "seed \(seed)")
            default: #expect(found.readAmplification > 1.1 && found.runs > 10, "seed \(seed)")
            }
        }
    }

    @Test func whatIsDamagedIsAnError() throws {
        let fixture = try open()
        var generator = SeededGenerator(seed: 2)
        let record = try fixture.commit("t", files: ["a": generator.bytes(100_000)]).record
        try CatalogueEdit(directory.file("store")).markBad(ObjectKey(.manifest, record.manifest))
        #expect(throws: StoreError.self) {
            try fixture.store.fragmentation(of: record.manifest, org: StoreFixture.org)
        }
    }

    private struct Spot: Hashable {
        let pack: PackID
        let frame: Int
        let position: Int
        let length: Int
        let frameBytes: Int64
    }

    /// The figures, from the footers of packs in which each object is once.
    private static func counted(_ fixture: StoreFixture, _ path: String, _ manifest: Digest) throws -> Fragmentation {
        let backend = try LocalPackBackend(root: path + "/packs", disk: Disk())
        var spots: [ObjectKey: Spot] = [:]
        for id in try backend.list(scope: StoreFixture.org) {
            let index = try PackIndex.read(backend: backend, scope: StoreFixture.org, id: id)
            for object in index.objects {
                spots[object.key] = Spot(
                    pack: id, frame: object.frame, position: Int(object.position), length: Int(object.length),
                    frameBytes: Int64(index.frames[object.frame].rawBytes))
            }
        }
        let reader = try fixture.store.reader(org: StoreFixture.org)
        var order: [ObjectKey] = []
        var seen: Set<ObjectKey> = []
        func visit(_ key: ObjectKey) throws {
            guard seen.insert(key).inserted else { return }
            order.append(key)
            for child in try ObjectChildren.of(key.kind, reader.read(key)) { try visit(child) }
        }
        try visit(ObjectKey(.manifest, manifest))
        return try figures(order, spots)
    }

    private static func figures(_ order: [ObjectKey], _ spots: [ObjectKey: Spot]) throws -> Fragmentation {
        struct Frame: Hashable {
            let pack: PackID
            let frame: Int
        }
        var (objects, frames, decodes, runs) = (0, Set<Frame>(), 0, 0)
        var (bytes, decoded, chunks) = (Int64(0), Int64(0), Int64(0))
        /// The last one used is last.
        var kept: [(frame: Frame, bytes: Int64)] = []
        var last: Spot?
        for key in order {
            let spot = try #require(spots[key])
            let frame = Frame(pack: spot.pack, frame: spot.frame)
            objects += 1
            bytes += Int64(spot.length)
            frames.insert(frame)
            if let place = kept.firstIndex(where: { $0.frame == frame }) {
                kept.append(kept.remove(at: place))
            } else {
                decodes += 1
                decoded += spot.frameBytes
                kept.append((frame, spot.frameBytes))
                while kept.reduce(0, { $0 + $1.bytes }) > 24 << 20 { kept.removeFirst() }
            }
            guard key.kind == .chunk else { continue }
            chunks += Int64(spot.length)
            let isNext = last.map { last in
                last.pack == spot.pack
                    && (last.frame == spot.frame
                        ? last.position + last.length == spot.position
                        : last.frame + 1 == spot.frame && spot.position == 0
                            && last.position + last.length == Int(last.frameBytes))
            }
            if isNext != true { runs += 1 }
            last = spot
        }
        return Fragmentation(
            objects: Int64(objects), objectBytes: bytes, frames: Int64(frames.count), decodedFrames: Int64(decodes),
            decodedBytes: decoded, chunkBytes: chunks, runs: Int64(runs))
    }
}
