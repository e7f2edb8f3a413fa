import SnapCore
import SnapDigest
import Synchronization
import TestSupport

// What becomes of a worker's own snapshots. Their objects are everybody's, so counts go up and down in all of these.

extension ModelWorker {
    mutating func deleteOwn(_ fixture: StoreFixture) throws {
        bench.proof.note("deletes")
        if Bool.random(using: &generator), let tag = own.tags.keys.sorted().randomElement(using: &generator) {
            let isRefused = own.refusesToDelete(tag: tag)
            do throws(StoreError) {
                let gone = try fixture.store.deleteTag(org: StoreFixture.org, name: name, tag: tag)
                expect(!isRefused, "the last tag \(tag) of a protected snapshot went")
                let must = own.deletedTag(tag)
                expect(must == gone?.id.description, "the delete of \(tag) took its snapshot along, or did not")
            } catch {
                guard error.code == .preconditionFailed else { throw error }
                expect(isRefused, "the delete of \(tag) was refused")
            }
        } else if let record = own.records.randomElement(using: &generator) {
            _ = try delete(record, fixture)
        }
    }

    /// Says whether it went: not when it is protected.
    private mutating func delete(_ record: String, _ fixture: StoreFixture) throws -> Bool {
        guard let id = RecordID(record) else { return false }
        let isRefused = own.protected.contains(record)
        do throws(StoreError) {
            try fixture.store.deleteSnapshot(id: id, org: StoreFixture.org)
            expect(!isRefused, "a protected snapshot went")
            own.delete(record)
            return true
        } catch {
            guard error.code == .preconditionFailed else { throw error }
            expect(isRefused, "the delete of \(record) was refused")
            return false
        }
    }

    /// Brings a deleted snapshot back, most often one that has just gone: whole, or not at all once a collection of
    /// somebody else has taken some of it.
    mutating func undelete(_ fixture: StoreFixture) throws {
        bench.proof.note("undeletes")
        if Int.random(in: 0..<4, using: &generator) > 0, let record = own.records.randomElement(using: &generator) {
            _ = try delete(record, fixture)
        }
        guard let gone = own.deleted.last else { return }
        own.forget(gone.record)
        let remembered = try fixture.store.deletedSnapshots(org: StoreFixture.org)
        guard let found = remembered.first(where: { $0.id.description == gone.record }) else { return }
        expect(
            found.manifest.description == gone.manifest && found.tags.map(\.tag).sorted() == gone.tags,
            "\(gone.record) is remembered wrongly")
        let free = gone.tags.filter { own.tags[$0] == nil }
        do throws(StoreError) {
            let (back, taken) = try fixture.store.undelete(found, org: StoreFixture.org)
            expect(
                back.manifest.description == gone.manifest && back.tags.map(\.tag).sorted() == free
                    && !back.isProtected,
                "\(gone.record) came back as \(back)")
            expect(Set(taken.map(\.tag) + free) == Set(gone.tags), "\(taken) were taken of \(gone.tags)")
            own.made(back.id.description, manifest: gone.manifest, tags: free)
            bench.returns.withLock { $0 += 1 }
        } catch {
            // A collection has forgotten it meanwhile.
            let isForgotten = try fixture.store.deletedSnapshots(org: StoreFixture.org).allSatisfy {
                $0.id.description != gone.record
            }
            guard error.code == .incomplete || (error.code == .preconditionFailed && isForgotten) else { throw error }
        }
    }

    mutating func purge(_ fixture: StoreFixture) throws {
        bench.proof.note("purges")
        guard let record = own.records.randomElement(using: &generator), let id = RecordID(record),
            try delete(record, fixture)
        else { return }
        own.forget(record)
        do throws(StoreError) {
            _ = try fixture.store.purge(id, org: StoreFixture.org)
        } catch {
            // A collection has forgotten it already.
            guard error.code == .notFound else { throw error }
        }
        let remembered = try fixture.store.deletedSnapshots(org: StoreFixture.org)
        expect(!remembered.contains { $0.id == id }, "\(record) is remembered after its purge")
    }

    mutating func protectOwn(_ fixture: StoreFixture) throws {
        bench.proof.note("protects")
        let on = own.protected.isEmpty || Bool.random(using: &generator) && own.protected.count < 3
        let candidates = own.records.filter { own.protected.contains($0) != on }
        guard let record = candidates.randomElement(using: &generator), let id = RecordID(record) else { return }
        try fixture.store.setProtected(on, id: id, org: StoreFixture.org)
        own.protect(record, on)
    }

    /// Lets a snapshot expire: later, so that it stays; or now, so that the next collection, of anybody, deletes it.
    mutating func expire(_ fixture: StoreFixture) throws {
        bench.proof.note("expiries")
        guard let record = own.records.randomElement(using: &generator), let id = RecordID(record) else { return }
        let now = fixture.store.nowMilliseconds()
        guard Int.random(in: 0..<3, using: &generator) > 0 else {
            return try fixture.store.setExpires(milliseconds: now + 86_400_000, id: id, org: StoreFixture.org)
        }
        try fixture.store.setExpires(milliseconds: now - 1, id: id, org: StoreFixture.org)
        if Bool.random(using: &generator) {
            try fixture.collect()
            let isThere = try fixture.store.snapshot(id: id, org: StoreFixture.org) != nil
            expect(isThere == own.protected.contains(record), "\(record) was collected, or was not")
            if !isThere { own.delete(record) }
        }
        guard own.manifests[record] != nil else { return }
        do throws(StoreError) {
            // Somebody may have collected it before it is thought better of.
            try fixture.store.setExpires(milliseconds: nil, id: id, org: StoreFixture.org)
        } catch {
            guard error.code == .notFound else { throw error }
            expect(!own.protected.contains(record), "\(record) has expired, and was protected")
            own.delete(record)
        }
    }
}
