import SnapCatalogue
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer
import TestSupport
import Testing

/// What is public is read and built upon by every organisation, and what they have made of it outlives it.
@Suite struct SharingTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    private func open() throws -> Store { try Store.open(path: path, create: true) }

    private func fixture(_ store: Store, _ org: String) throws -> StoreFixture {
        if try !store.orgs().contains(where: { $0.name == org }) { try store.createOrg(org) }
        return StoreFixture(store: store, org: org)
    }

    private static func files(_ seed: UInt64) -> [String: [UInt8]] {
        var generator = SeededGenerator(seed: seed)
        return ["a": generator.bytes(20_000), "b": generator.bytes(300), "c": [1, 2, 3]]
    }

    /// What an organisation holds, in bytes.
    private func held(_ name: String) throws -> Int64 { try CatalogueEdit(path).heldBytes(scope: name) }

    private func expectSound(_ fixture: StoreFixture, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems)", sourceLocation: sourceLocation)
    }

    @Test func whatIsPublishedIsReadByOthersUntilItIsNot() throws {
        let store = try open()
        defer { store.close() }
        let (owner, other) = (try fixture(store, "owner"), try fixture(store, "other"))
        let files = Self.files(1)
        let made = try owner.commit("base", tag: "1", files: files).record
        #expect(try store.visibleSnapshot(id: made.id, org: "other") == nil)
        #expect(throws: StoreError.self) { try other.files(of: made) }

        try SnapshotCopy(store).publish(made)
        let seen = try #require(try store.visibleSnapshot(id: made.id, org: "other"))
        #expect(seen.visibility == .public && seen.org == "owner")
        #expect(try other.files(of: seen) == files && store.snapshot(id: made.id, org: "other") == nil)
        try expectSound(owner)
        // Twice is once.
        try SnapshotCopy(store).publish(made)
        try SnapshotCopy(store).publish(seen)
        try expectSound(owner)

        try store.unpublish(made.id, org: "owner")
        try store.unpublish(made.id, org: "owner")
        try store.settle(org: "owner")
        #expect(try store.visibleSnapshot(id: made.id, org: "other") == nil)
        #expect(throws: StoreError.self) { try other.files(of: made) }
        #expect(try owner.files(of: made) == files)
        try owner.collect()
        try expectSound(owner)
        #expect(try owner.files(of: made) == files)
        // Nothing of it is left there.
        #expect(
            try Kernel.names(inDirectory: path + "/packs/public").allSatisfy { name in
                try Kernel.names(inDirectory: path + "/packs/public/" + String(decoding: name, as: UTF8.self)).isEmpty
            })
        #expect(
            try store.events(org: "owner", limit: 100).map(\.action) == [
                "org.create", "snapshot.publish", "snapshot.unpublish",
            ])
    }

    /// The case that sharing is for: derived from a public snapshot, which goes.
    @Test(arguments: [false, true])
    func whatIsDerivedOutlivesWhatItIsDerivedFrom(isUnpublishedFirst: Bool) throws {
        let store = try open()
        defer { store.close() }
        let (owner, other, third) = (
            try fixture(store, "owner"), try fixture(store, "other"), try fixture(store, "third")
        )
        var files = Self.files(2)
        let base = try owner.commit("base", tag: "1", files: files).record
        try SnapshotCopy(store).publish(base)
        let packs = try store.statistics().packBytes
        files["own"] = Array("what the other has added".utf8) + [UInt8](repeating: 9, count: 100)
        let derived = try other.commit("derived", tag: "1", files: files).record
        // It counts in full for who holds it, and its bytes are not stored again.
        #expect(try held("other") > 20_000)
        #expect(try store.statistics().packBytes - packs < 4000)
        try expectSound(owner)

        if isUnpublishedFirst { try store.unpublish(base.id, org: "owner") }
        try store.deleteSnapshot(id: base.id, org: "owner")
        for _ in 0..<2 {
            try store.settle(org: "owner")
            try owner.collect()
            try expectSound(owner)
        }
        #expect(try other.files(of: derived) == files)
        #expect(try held("owner") == 0 && held("public") == 0)
        // A third organisation sees nothing of what is only borrowed.
        let session = try store.beginSession(.push, org: "third")
        #expect(try !session.contains(ObjectKey(.manifest, base.manifest)))
        #expect(try !session.contains(ObjectKey(.chunk, SHA256().digest(Array((files["b"] ?? []))))))
        session.end()
        #expect(throws: StoreError.self) { try third.files(of: derived) }

        // With the last that uses it, it goes.
        try store.deleteSnapshot(id: derived.id, org: "other")
        try store.settle(org: "other")
        try owner.collect()
        try expectSound(owner)
        #expect(try store.statistics().packBytes == 0 && held("other") == 0)
    }

    /// What is only borrowed is let go while a session relies on it: it can be read, and committed again.
    @Test(arguments: [false, true]) func aSessionKeepsWhatWasBorrowedWhenItBegan(isCollected: Bool) throws {
        let store = try open()
        defer { store.close() }
        let (owner, other) = (try fixture(store, "owner"), try fixture(store, "other"))
        let files = Self.files(7)
        let base = try owner.commit("base", tag: "1", files: files).record
        try SnapshotCopy(store).publish(base)
        let derived = try other.commit("derived", tag: "1", files: files).record
        try store.deleteSnapshot(id: base.id, org: "owner")
        try store.settle(org: "owner")
        try owner.collect()

        let session = try store.beginSession(.create, org: "other")
        defer { session.end() }
        let manifest = try other.put(files, session)
        try store.deleteSnapshot(id: derived.id, org: "other")
        try store.settle(org: "other")
        if isCollected { try owner.collect() }
        #expect(try StoreFixture.files(of: derived.manifest, session.reader()) == files)
        let again = try session.commit(SnapshotDraft(name: "again", tag: "1", manifest: manifest, kind: "directory"))
        #expect(try other.files(of: again.record) == files)
        try expectSound(owner)
        try owner.collect()
        try expectSound(owner)
        #expect(try other.files(of: again.record) == files)
    }

    @Test func whatIsUnpublishedWhileItIsPublishedIsNot() throws {
        let store = try open()
        defer { store.close() }
        let owner = try fixture(store, "owner")
        let made = try owner.commit("base", tag: "1", files: Self.files(3)).record
        // Brought, but deleted before it is public.
        let session = try store.beginPublishing(org: "owner")
        for (kind, bytes) in [(ObjectKind.chunk, [UInt8](repeating: 3, count: 100))] {
            _ = try session.store(kind, bytes)
        }
        try store.deleteSnapshot(id: made.id, org: "owner")
        let error = #expect(throws: StoreError.self) { try session.publish(made) }
        #expect(error?.code == .notFound || error?.code == .incomplete)
        session.end()
        #expect(throws: StoreError.self) { try SnapshotCopy(store).publish(made) }
        try owner.collect()
        try expectSound(owner)
    }

    @Test func aCopyIsOfItsOwnOrganisation() throws {
        let store = try open()
        defer { store.close() }
        let (owner, other) = (try fixture(store, "owner"), try fixture(store, "other"))
        let files = Self.files(4)
        let made = try owner.commit("base", tag: "1", files: files).record
        let draft = SnapshotDraft(name: "mine", tag: "x", manifest: made.manifest, kind: "")
        let copy = try SnapshotCopy(store).copy(made, readBy: "owner", to: "other", as: draft).record
        #expect(copy.org == "other" && copy.manifest == made.manifest && copy.logicalBytes == made.logicalBytes)
        #expect(copy.uniqueBytes == made.uniqueBytes && copy.kind == made.kind)
        try store.deleteSnapshot(id: made.id, org: "owner")
        try owner.collect()
        #expect(try other.files(of: copy) == files)
        #expect(throws: StoreError.self) { try owner.files(of: copy) }
        // Who may not read it, cannot copy it.
        #expect(throws: StoreError.self) {
            try SnapshotCopy(store).copy(copy, readBy: "owner", to: "owner", as: draft)
        }
        try expectSound(owner)
    }

    /// Bytes that rot in `public` are healed for who borrows them by who captures them again.
    @Test func whatIsBorrowedAndDamagedIsHealed() throws {
        let store = try open()
        defer { store.close() }
        let (owner, other) = (try fixture(store, "owner"), try fixture(store, "other"))
        let files = Self.files(5)
        let base = try owner.commit("base", tag: "1", files: files).record
        try SnapshotCopy(store).publish(base)
        let derived = try other.commit("derived", tag: "1", files: files).record
        let chunk = ObjectKey(.chunk, try SHA256().digest(files["b"] ?? []))
        try CatalogueEdit(path).markBad(chunk, in: .public)
        let error = #expect(throws: StoreError.self) { try other.files(of: derived) }
        #expect(error?.code == .corrupt)
        try other.commit("derived", tag: "1", files: files)
        #expect(try other.files(of: derived) == files)
        try CatalogueEdit(path).markBad(
            ObjectKey(.chunk, try SHA256().digest(Array((files["a"] ?? [])[..<4096]))), in: .public)
        try other.commit("again", tag: "1", files: files)
        #expect(try other.files(of: derived) == files)
        // What is marked here reads well, and is found so.
        try expectSound(owner)
    }

    /// Random lives of three organisations that publish, build upon one another, and delete; collected at once.
    @Test(arguments: 0..<6) func aRandomLifeStaysSound(number: UInt64) throws {
        let seed = TestScale.seed("sharing") &+ number
        var generator = SeededGenerator(seed: seed)
        let pool = ContentPool(seed: seed)
        let store = try open()
        defer { store.close() }
        let orgs = try ["a", "b", "c"].map { try fixture(store, $0) }
        var live: [(org: Int, record: SnapshotRecord, files: [String: [UInt8]])] = []
        for step in 0..<(60 * TestScale.factor) {
            let org = Int.random(in: 0..<3, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<4:
                let files = pool.common(&generator)
                let result = try orgs[org].commit("n\(step)", tag: "1", files: files)
                live.append((org, result.record, files))
            case 4..<6:
                guard let one = live.randomElement(using: &generator) else { continue }
                try SnapshotCopy(store).publish(one.record)
            case 6:
                guard let one = live.randomElement(using: &generator) else { continue }
                try store.unpublish(one.record.id, org: orgs[one.org].org)
            case 7:
                guard let index = live.indices.randomElement(using: &generator) else { continue }
                let one = live.remove(at: index)
                try store.deleteSnapshot(id: one.record.id, org: orgs[one.org].org)
            case 8:
                guard let one = live.randomElement(using: &generator),
                    let seen = try store.visibleSnapshot(id: one.record.id, org: orgs[org].org)
                else { continue }
                let draft = SnapshotDraft(name: "copy\(step)", tag: "1", manifest: seen.manifest, kind: "")
                let made = try SnapshotCopy(store).copy(seen, readBy: orgs[org].org, to: orgs[org].org, as: draft)
                live.append((org, made.record, one.files))
            default:
                try orgs[0].collect()
            }
        }
        for one in live { #expect(try orgs[one.org].files(of: one.record) == one.files, "seed \(seed)") }
        try expectSound(orgs[0])
        try orgs[0].collect()
        try expectSound(orgs[0])
        for one in live { #expect(try orgs[one.org].files(of: one.record) == one.files, "seed \(seed)") }

        // A catalogue made anew from a backup, and one from packs alone, have all of them still.
        for isBackedUp in [true, false] {
            if !isBackedUp {
                for name in try Kernel.names(inDirectory: path + "/backup") {
                    TemporaryDirectory.removeAll(path + "/backup/" + String(decoding: name, as: UTF8.self))
                }
            }
            for suffix in ["", "-wal", "-shm"] { TemporaryDirectory.removeAll(path + "/catalog.sqlite" + suffix) }
            let rebuilt = try Store.rebuildCatalogue(path: path, adopt: !isBackedUp)
            // What was deleted since the backup is lost, and nothing else.
            let lost = rebuilt.lost.filter { name in live.contains { name.hasSuffix("/" + $0.record.displayName) } }
            #expect(lost.isEmpty, "seed \(seed): \(lost)")
            let again = try Store.open(path: path, create: false)
            for one in live {
                let reader = try again.reader(org: orgs[one.org].org)
                #expect(try StoreFixture.files(of: one.record.manifest, reader) == one.files, "seed \(seed)")
            }
            try expectSound(StoreFixture(store: again, org: "a"))
            again.close()
        }
        // With the last of them, everything goes.
        let last = try Store.open(path: path, create: false)
        defer { last.close() }
        for org in orgs {
            for record in try last.snapshots(org: org.org) { try last.deleteSnapshot(id: record.id, org: org.org) }
            try last.settle(org: org.org)
        }
        let end = StoreFixture(store: last, org: "a")
        try end.collect()
        try expectSound(end)
        #expect(try last.statistics().packBytes == 0, "seed \(seed)")
    }

    @Test func aWrongCountOfBorrowsIsFoundAndRepaired() throws {
        let store = try open()
        defer { store.close() }
        let (owner, other) = (try fixture(store, "owner"), try fixture(store, "other"))
        try SnapshotCopy(store).publish(owner.commit("base", tag: "1", files: Self.files(6)).record)
        try other.commit("derived", tag: "1", files: Self.files(6))
        try expectSound(owner)
        let chunk = ObjectKey(.chunk, try SHA256().digest(Self.files(6)["b"] ?? []))
        try CatalogueEdit(path).addBorrows(chunk, 3)
        let found = try store.check().problems
        #expect(found.map(\.code) == ["count"] && found[0].message.contains("borrowed 1 times"))
        var options = FsckOptions()
        options.repair = true
        #expect(try store.check(options).repaired == 1)
        try expectSound(owner)
    }
}
