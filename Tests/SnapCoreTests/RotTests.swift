import SnapCatalogue
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// One bit that has turned, in each byte of a store's packs and in many of its catalogue: what is read is right or
/// refused, a check says that something is wrong, and capturing the same content again heals what can be.
@Suite struct RotTests {
    /// A store of two snapshots, with nothing open, and its files as they must be.
    private final class Specimen {
        private let directory = TemporaryDirectory(in: "/dev/shm")
        var path: String { directory.file("store") }
        /// Contents of the snapshots by name.
        let contents: [String: [String: [UInt8]]]
        private(set) var records: [SnapshotRecord] = []
        private(set) var packs: [String] = []
        var catalogue: String { path + "/catalog.sqlite" }
        private var images: [String: [UInt8]] = [:]

        init() throws {
            var generator = SeededGenerator(seed: 1)
            // A chunk list of little room: each chunk is one byte over and over.
            let list = (0..<17).flatMap { [UInt8](repeating: UInt8($0 + 1), count: 4096) }
            contents = [
                "first": ["inline": [1, 2, 3], "chunk": generator.bytes(100), "list": list],
                "second": ["inline": [4], "chunk": generator.bytes(90)],
            ]
            let fixture = StoreFixture(store: try Store.open(path: path, create: true))
            for (name, files) in contents.sorted(by: { $0.key < $1.key }) {
                try fixture.commit(name, tag: "t", files: files)
            }
            records = try fixture.store.snapshots(org: StoreFixture.org)
            fixture.store.close()
            // The log is empty: all is in the pages.
            let opened = try Catalogue.open(directory: path, create: false, disk: Disk())
            try opened.finishLog()
            opened.close()
            packs = try packFiles()
            for file in packs + [catalogue] { images[file] = try Kernel.readFile(file, limit: 1 << 20) }
        }

        private func packFiles() throws -> [String] {
            try Command.run("/usr/bin/find", [path + "/packs", "-name", "*.pack"]).output.split(separator: "\n").map(
                String.init
            ).sorted()
        }

        func size(_ file: String) -> Int { images[file]?.count ?? 0 }

        /// All as it was, but for one bit.
        func turn(_ bit: Int, at position: Int, of file: String) throws {
            for (other, image) in images where other != file { try other.write(image) }
            for suffix in ["-wal", "-shm"] { TemporaryDirectory.removeAll(catalogue + suffix) }
            var bytes = try #require(images[file])
            bytes[position] ^= 1 << UInt8(bit)
            try file.write(bytes)
        }

        /// What is known of a snapshot elsewhere than in the catalogue, too.
        static func known(_ record: SnapshotRecord) -> [String] {
            [
                "\(record.id)", record.org, record.name, "\(record.manifest)", record.kind, record.visibility.rawValue,
                "\(record.createdMilliseconds)", "\(String(describing: record.parent))", record.creator ?? "-",
                "\(record.labels)",
            ]
        }

        /// Removes the packs that were written since.
        func forget() throws {
            for pack in try packFiles() where images[pack] == nil { TemporaryDirectory.removeAll(pack) }
        }
    }

    /// What became of a store with a turned bit.
    private enum Outcome: Equatable {
        case harmless
        /// By a check, or already when it was opened.
        case detected(canBeHealed: Bool)
        /// Names of tags, sizes, protection, expiry: all else is as it was.
        case changed
        case lost(String)
    }

    /// Opens it, reads all that it has, and checks it.
    private func examine(_ specimen: Specimen) -> Outcome {
        let store: Store
        do {
            store = try Store.open(path: specimen.path, create: false)
        } catch {
            return .detected(canBeHealed: false)
        }
        defer { store.close() }
        let fixture = StoreFixture(store: store)
        var (isRefused, isChanged) = (false, false)
        do {
            let records = try store.snapshots(org: StoreFixture.org)
            for record in records {
                do {
                    let files = try fixture.files(of: record)
                    // By its manifest: the name may be what has changed.
                    let name = specimen.records.first { $0.manifest == record.manifest }?.name
                    guard let name, files == specimen.contents[name] else {
                        return .lost("wrong bytes of \(record.name)")
                    }
                } catch {
                    isRefused = true
                }
            }
            isChanged = records != specimen.records
            if records.map(Specimen.known) != specimen.records.map(Specimen.known) { isRefused = true }
        } catch {
            isRefused = true
        }
        do {
            var options = FsckOptions()
            options.readData = true
            let found = try store.check(options)
            if !found.problems.isEmpty { return .detected(canBeHealed: true) }
            if isRefused { return .lost("refused or changed, and the check finds nothing") }
            return isChanged ? .changed : .harmless
        } catch {
            return .detected(canBeHealed: false)
        }
    }

    /// Captures what the snapshots hold again. Says what is still wrong then. The record of a snapshot and the footer of
    /// a pack are no content: these are still named, and nothing that the snapshots need is.
    private func heal(_ specimen: Specimen) throws -> String? {
        let store = try Store.open(path: specimen.path, create: false)
        defer { store.close() }
        let fixture = StoreFixture(store: store)
        for (name, files) in specimen.contents { try fixture.commit("again-" + name, files: files) }
        try fixture.collect()
        var options = FsckOptions()
        options.readData = true
        let found = try store.check(options)
        let problems = found.problems.filter { problem in
            let isOfRecord = problem.code == "record_lost" || problem.message.hasPrefix("record ")
            let isOfFooter = problem.code == "pack_corrupt" && problem.message.contains(" 0 of its")
            return !isOfRecord && !isOfFooter
        }
        if !problems.isEmpty { return "\(problems)" }
        if !found.damagedSnapshots.isEmpty { return "\(found.damagedSnapshots.map(\.name)) are damaged" }
        for record in try store.snapshots(org: StoreFixture.org) {
            let files = specimen.contents[record.name] ?? specimen.contents[String(record.name.dropFirst(6))]
            guard try fixture.files(of: record) == files else { return "wrong bytes of \(record.name)" }
        }
        return nil
    }

    @Test func everyByteOfThePacks() throws {
        let seed = TestScale.seed("rot in packs")
        var generator = SeededGenerator(seed: seed)
        let specimen = try Specimen()
        let (found, healed) = (Proof("P3", seed: seed), Proof("P11", seed: seed))
        // Healing takes longer: each byte is healed in one of so many runs.
        let step = max(1, 32 / TestScale.factor)
        let chosen = Int.random(in: 0..<step, using: &generator)
        for file in specimen.packs {
            for position in 0..<specimen.size(file) {
                let bit = Int.random(in: 0..<8, using: &generator)
                try specimen.turn(bit, at: position, of: file)
                let place = "bit \(bit) of byte \(position) of a pack of \(specimen.size(file))"
                let outcome = examine(specimen)
                found.note("bytes of packs")
                guard case .detected(canBeHealed: true) = outcome else {
                    found.lose("\(place): \(outcome)")
                    continue
                }
                guard position % step == chosen else { continue }
                healed.note("turned bits healed")
                if let wrong = try heal(specimen) { healed.lose("\(place): \(wrong)") }
                try specimen.forget()
            }
        }
        let lost = found.report("one bit turned in each byte of the packs of two snapshots")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(found.tried == specimen.packs.reduce(0) { $0 + specimen.size($1) })
        let unhealed = healed.report("the same content captured again after a check")
        #expect(unhealed.isEmpty, "\(unhealed.prefix(5))")
        #expect(healed.tried > 50)
    }

    @Test func seededPlacesOfTheCatalogue() throws {
        let seed = TestScale.seed("rot in the catalogue")
        var generator = SeededGenerator(seed: seed)
        let specimen = try Specimen()
        let proof = Proof("P3", seed: seed)
        let size = specimen.size(specimen.catalogue)
        for _ in 0..<(2000 * TestScale.factor) {
            let (position, bit) = (
                Int.random(in: 0..<size, using: &generator), Int.random(in: 0..<8, using: &generator)
            )
            try specimen.turn(bit, at: position, of: specimen.catalogue)
            switch examine(specimen) {
            case .harmless: proof.note("bits of the catalogue that harm nothing")
            case .detected: proof.note("bits of the catalogue that are detected")
            case .changed: proof.note("bits of tags and sizes that only the catalogue has")
            case .lost(let what): proof.lose("bit \(bit) of byte \(position): \(what)")
            }
        }
        let lost = proof.report("one bit turned in a page of SQLite")
        #expect(lost.isEmpty, "\(lost.count): \(lost.prefix(10))")
        #expect(proof.count("bits of the catalogue that are detected") > 0)
    }
}
