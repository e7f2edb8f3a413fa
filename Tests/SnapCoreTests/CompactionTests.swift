import SnapCore
import SnapDigest
import SnapIO
import SnapPacks
import Synchronization
import TestSupport
import Testing

extension CompactionRule {
    /// Moves whatever is decoded in vain, of stores with one frame, too.
    static var always: CompactionRule {
        var rule = CompactionRule()
        (rule.excessPartMin, rule.excessBytesMin, rule.gainMin) = (0.01, 1, 0.01)
        return rule
    }
}

/// Collections that put together what is scattered, beside everything else, cut short, and without room.
@Suite struct CompactionTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// As the rule is, for stores of some frames.
    private static var rule: CompactionRule {
        var rule = CompactionRule()
        rule.excessBytesMin = Int64(3 * PackWriter.frameRawBytes)
        rule.moveBytesMax = 1 << 20
        return rule
    }

    private static func options(step: @escaping MaintenanceStep = { _, _ in }) -> GCOptions {
        var options = GCOptions()
        options.graceMilliseconds = 0
        options.compact = rule
        options.step = step
        return options
    }

    /// A store with versions of a tree, each with some files of the one before changed, and what they hold.
    private struct Series: Sendable {
        let path: String
        let fixture: StoreFixture
        private(set) var versions: [(record: SnapshotRecord, files: [String: [UInt8]])] = []

        init(_ path: String, seed: UInt64, count: Int = 5, files fileCount: Int = 16) throws {
            self.path = path
            fixture = StoreFixture(store: try Store.open(path: path, create: true))
            var generator = SeededGenerator(seed: seed)
            let size = PackWriter.frameRawBytes / 16
            var files: [String: [UInt8]] = [:]
            for number in 0..<(16 * fileCount) { files["f\(number)"] = generator.bytes(size) }
            for version in 1...count {
                if version > 1 {
                    for name in files.keys.sorted() where generator.next() % 5 == 0 {
                        files[name] = generator.bytes(size)
                    }
                }
                let record = try fixture.commit("v", tag: "\(version)", files: files).record
                versions.append((record, files))
            }
        }

        /// Bytes decoded in vain, for the newest.
        func excess() throws -> Int64 {
            let found = try fixture.store.fragmentation(
                of: versions[versions.count - 1].record.manifest, org: StoreFixture.org)
            return found.decodedBytes - found.objectBytes
        }

        func amplification(of version: Int) throws -> Double {
            try fixture.store.fragmentation(of: versions[version].record.manifest, org: StoreFixture.org)
                .readAmplification
        }

        /// Every file of every version is as it was, and a full check finds nothing.
        func expectWhole(_ place: String) throws {
            for (record, files) in versions {
                #expect(try fixture.files(of: record) == files, "\(record.displayName) \(place)")
            }
            let problems = try fixture.problems()
            #expect(problems.isEmpty, "\(problems) \(place)")
        }

        func packs() throws -> Set<PackID> {
            Set(try LocalPackBackend(root: path + "/packs", disk: Disk()).list(scope: StoreFixture.org))
        }
    }

    @Test func theNewestIsPutTogether() throws {
        let seed = TestScale.seed("compaction")
        let series = try Series(directory.file("store"), seed: seed)
        let before = try series.amplification(of: 4)
        #expect(before > 1.5, "seed \(seed)")

        let packs = try series.packs()
        var dry = Self.options()
        dry.dryRun = true
        let foreseen = try series.fixture.store.collectGarbage(dry)
        #expect(try series.packs() == packs, "a dry run changed something")

        let done = try series.fixture.store.collectGarbage(Self.options())
        #expect(foreseen.compactedSnapshots > 0 && done.compactedSnapshots >= foreseen.compactedSnapshots)
        #expect(foreseen.compactedBytes > 0)
        // An estimate: small packs are merged first, and a second round moves what the first has scattered anew.
        let ratio = Double(done.compactedBytes) / Double(foreseen.compactedBytes)
        #expect(ratio > 0.5 && ratio < 2, "seed \(seed)")
        let after = try series.amplification(of: 4)
        #expect(after < 1 + Self.rule.gainMin, "\(before) before, seed \(seed)")
        for version in 0..<4 { #expect(try series.amplification(of: version) < 2, "\(version), seed \(seed)") }
        try series.expectWhole("after a compaction, seed \(seed)")

        // Nothing is left to do.
        let settled = try series.packs()
        let again = try series.fixture.store.collectGarbage(Self.options())
        #expect(again.compactedSnapshots == 0 && again.compactedBytes == 0 && again.deletedPacks == 0, "seed \(seed)")
        #expect(try series.packs() == settled)
    }

    /// Without being asked, a collection moves nothing of a store where nothing is dead.
    @Test func onlyWhenAsked() throws {
        let series = try Series(directory.file("store"), seed: 1, count: 3, files: 4)
        let packs = try series.packs()
        #expect(try series.fixture.collect().compactedBytes == 0)
        #expect(try series.packs() == packs)
    }

    /// Small snapshots share frames with others, and stay so.
    @Test func littleIsLeftAlone() throws {
        let fixture = StoreFixture(store: try Store.open(path: directory.file("store"), create: true))
        var generator = SeededGenerator(seed: 3)
        var files = Dictionary(uniqueKeysWithValues: (0..<40).map { ("f\($0)", generator.bytes(20_000)) })
        for version in 1...4 {
            try fixture.commit("v", tag: "\(version)", files: files)
            files["f\(version)"] = nil
        }
        var options = Self.options()
        options.compact = CompactionRule()
        #expect(try fixture.store.collectGarbage(options).compactedBytes == 0)
    }

    /// A reader that began before reads on, whatever is moved under it.
    @Test func readersReadOn() throws {
        let seed = TestScale.seed("readers of a compaction")
        let series = try Series(directory.file("store"), seed: seed, files: 6)
        let reader = try series.fixture.store.reader(org: StoreFixture.org)
        let steps = Atomic<Int>(0)
        let read = Atomic<Int>(0)
        let versions = series.versions
        let result = try series.fixture.store.collectGarbage(
            Self.options { _, _ in
                let step = steps.wrappingAdd(1, ordering: .relaxed).newValue
                guard step % 20 == 0 else { return }
                let (record, files) = versions[step / 20 % versions.count]
                let name = "f\((step * 7) % files.count)"
                let found = try StoreFixture.file(name, of: record.manifest, reader)
                #expect(found == files[name], "seed \(seed)")
                read.wrappingAdd(1, ordering: .relaxed)
            })
        #expect(result.compactedBytes > 0 && read.load(ordering: .relaxed) > 20)
        try series.expectWhole("after a compaction beside a reader, seed \(seed)")
    }

    private struct Stop: Error {}

    /// Cut short further and further on, it leaves a store that is whole, and goes on from there to its end.
    @Test func aRunThatIsCutShortIsRepeated() throws {
        let seed = TestScale.seed("compactions cut short")
        let series = try Series(directory.file("store"), seed: seed, files: 6)
        var stopped = 0
        var limit = 10
        while true {
            let steps = Atomic<Int>(0)
            let max = limit
            do {
                let result = try series.fixture.store.collectGarbage(
                    Self.options { _, _ in
                        guard steps.wrappingAdd(1, ordering: .relaxed).newValue < max else { throw Stop() }
                    })
                #expect(result.compactedBytes >= 0)
                break
            } catch {
                stopped += 1
                try series.expectWhole("after \(limit) steps, seed \(seed)")
            }
            limit = limit * 3 / 2
        }
        #expect(stopped > 5)
        #expect(try series.excess() < Self.rule.excessBytesMin, "seed \(seed)")
        try series.expectWhole("at the end, seed \(seed)")
        #expect(try series.fixture.store.collectGarbage(Self.options()).compactedBytes == 0, "seed \(seed)")
    }

    /// Snapshots that go while others are put together, and collections side by side.
    @Test func twoAtOnce() throws {
        let seed = TestScale.seed("compactions at once")
        let series = try Series(directory.file("store"), seed: seed, files: 6)
        // The backup of the day is there.
        try series.fixture.collect()
        let pool = try WorkerPool(threads: 2, queueMax: 2)
        let path = series.path
        for store in try (0..<2).map({ _ in try Store.open(path: path, create: false) }) {
            try pool.submit {
                defer { store.close() }
                _ = try store.collectGarbage(Self.options())
            }
        }
        try pool.wait()
        try series.expectWhole("after two at once, seed \(seed)")
        _ = try series.fixture.store.collectGarbage(Self.options())
        #expect(try series.excess() < Self.rule.excessBytesMin, "seed \(seed)")
        try series.expectWhole("after a third, seed \(seed)")
    }

    /// What is damaged stays where it is, marked; all else is put together.
    @Test func damageStaysBehind() throws {
        let series = try Series(directory.file("store"), seed: 5, files: 6)
        let backend = try LocalPackBackend(root: series.path + "/packs", disk: Disk())
        let sizes = try series.packs().map { ($0, try backend.size(scope: StoreFixture.org, id: $0)) }
        let largest = try #require(sizes.max { $0.1 < $1.1 }?.0).description
        let file = "\(series.path)/packs/\(StoreFixture.org)/\(largest.prefix(2))/\(largest).pack"
        var bytes = try Kernel.readFile(file, limit: 1 << 28)
        bytes[bytes.count / 3] ^= 0xff
        try file.write(bytes)
        _ = try series.fixture.store.collectGarbage(Self.options())
        let problems = try series.fixture.problems()
        #expect(!problems.isEmpty && problems.allSatisfy { $0.code.contains("corrupt") || $0.code.contains("damaged") })
        var whole = 0
        let reader = try series.fixture.store.reader(org: StoreFixture.org)
        for (record, files) in series.versions {
            for (name, bytes) in files {
                guard let found = try? StoreFixture.file(name, of: record.manifest, reader) else { continue }
                #expect(found == bytes)
                whole += 1
            }
        }
        #expect(whole > 300)
    }

    /// The power fails at every durable operation of it: every snapshot is whole.
    @Test func aPowerCutLosesNothing() throws {
        let seed = TestScale.seed("power cuts of compactions")
        let proof = Proof("P1", seed: seed)
        let root = directory.file("store")
        let recorder = DiskRecorder()
        var generator = SeededGenerator(seed: seed)
        var begun = 0
        var tags: Set<String> = []
        try GatedSQLite.attached(Disk(observer: recorder), store: root) { disk in
            let fixture = StoreFixture(store: try Store.open(path: root, create: true, disk: disk))
            defer { fixture.store.close() }
            var files = Dictionary(uniqueKeysWithValues: (0..<10).map { ("f\($0)", generator.bytes(900)) })
            for version in 1...4 {
                try fixture.commit("t", tag: "\(version)", files: files)
                tags.insert("t:\(version)")
                for name in files.keys.sorted().prefix(2) { files[name] = nil }
                files["g\(version)"] = generator.bytes(900)
            }
            try fixture.collect()
            begun = recorder.count
            #expect(try fixture.collect(compact: .always).compactedBytes > 0)
        }
        let randoms = TestScale.factor
        let sweep = CutSweep(
            journal: recorder.journal, parent: directory.path, seed: seed, randoms: randoms,
            randomsAfterRename: randoms)
        let tried = try sweep.run(begun...recorder.count) { path, _, place in
            proof.check(try StoreFixture.tagsOfSound(path + "/store", place) == tags, place)
        }
        proof.note("in a compaction", tried)
        let lost = proof.report("states after a power cut at \(recorder.count - begun) operations of a compaction")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(tried > 50)
    }
}
