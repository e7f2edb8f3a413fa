import SnapCore
import SnapDigest
import Synchronization
import TestSupport

// The name that everybody uses: what it must be at the end is told from all answers together.

extension ModelWorker {
    func look(_ fixture: StoreFixture, _ tag: String) throws -> SnapshotRecord? {
        let began = bench.history.now()
        let found = try fixture.store.snapshot(org: StoreFixture.org, name: ModelBench.shared, tag: tag)
        if let found { bench.history.saw(found.manifest.description, tag: tag, began: began) }
        return found
    }

    private mutating func pick(_ fixture: StoreFixture) throws -> SnapshotRecord? {
        try fixture.store.snapshots(org: StoreFixture.org, name: ModelBench.shared).randomElement(using: &generator)
    }

    mutating func createShared(_ fixture: StoreFixture) throws {
        bench.proof.note("creates")
        let tag = randomTag(&generator)
        let current = try look(fixture, tag)?.manifest.description
        // Always with a condition: so it is known what was replaced, even when the answer is that it was deleted.
        let ifMatch = match(current).0 ?? current.map { .manifest($0) } ?? SnapshotDraft.Match.none
        let files = bench.pool.unique(&generator)
        let (manifest, began, outcome) = try commit(fixture, ModelBench.shared, tag, files, ifMatch: ifMatch)
        var replaced: String?
        switch outcome {
        case .refused:
            return
        case .done(let result):
            replaced = result.replaced?.description
            checkMatch(replaced, ifMatch)
        case .deletedAtOnce:
            if case .manifest(let text) = ifMatch { replaced = text }
        }
        bench.history.made(manifest.description)
        bench.history.moved(tag, to: manifest.description, replacing: replaced, began: began)
    }

    private func checkMatch(_ replaced: String?, _ ifMatch: SnapshotDraft.Match) {
        switch ifMatch {
        case .none: expect(replaced == nil, "a tag that must not exist was replaced")
        case .manifest(let text): expect(replaced == text, "another content was replaced")
        case .version: expect(false, "no version was asked for")
        }
    }

    mutating func tagShared(_ fixture: StoreFixture) throws {
        bench.proof.note("tags")
        guard let snapshot = try pick(fixture) else { return }
        let (manifest, tag) = (snapshot.manifest.description, randomTag(&generator))
        let current = try look(fixture, tag)?.manifest.description
        guard current != manifest, bench.history.claim(tag, manifest) else { return }
        let ifMatch = current.map { SnapshotDraft.Match.manifest($0) } ?? SnapshotDraft.Match.none
        let began = bench.history.now()
        guard let replaced = try move(fixture, ModelBench.shared, tag, snapshot, ifMatch, false) else { return }
        bench.history.moved(tag, to: manifest, replacing: replaced?.description, began: began)
        checkMatch(replaced?.description, ifMatch)
    }

    mutating func deleteShared(_ fixture: StoreFixture) throws {
        bench.proof.note("deletes")
        do throws(any Error) {
            if Int.random(in: 0..<3, using: &generator) == 0 {
                let tag = randomTag(&generator)
                let gone = try fixture.store.deleteTag(org: StoreFixture.org, name: ModelBench.shared, tag: tag)
                if let gone { bench.history.deleted(gone.manifest.description) }
                bench.history.removed(tag, content: gone?.manifest.description)
            } else if let snapshot = try pick(fixture) {
                try fixture.store.deleteSnapshot(id: snapshot.id, org: StoreFixture.org)
                bench.history.deleted(snapshot.manifest.description)
            }
        } catch let error as StoreError where error.code == .notFound || error.code == .preconditionFailed {}
    }

    /// Protects a snapshot that others try to delete: it is there until that is taken back.
    mutating func protectShared(_ fixture: StoreFixture) throws {
        bench.proof.note("protects")
        guard let snapshot = try pick(fixture) else { return }
        let (id, key) = (snapshot.id, snapshot.id.description)
        // Another worker would take its protection off.
        guard bench.guarded.withLock({ $0.insert(key).inserted }) else { return }
        defer { bench.guarded.withLock { _ = $0.remove(key) } }
        do throws(StoreError) {
            try fixture.store.setProtected(true, id: id, org: StoreFixture.org)
        } catch {
            guard error.code == .notFound else { throw error }
            return
        }
        for _ in 0..<3 {
            let found = try fixture.store.snapshot(id: id, org: StoreFixture.org)
            expect(found?.isProtected == true, "\(key) is gone, and was protected")
            let files = try fixture.files(of: snapshot)
            expect(files == bench.pool.files(of: snapshot.manifest.description), "wrong files of \(key), protected")
        }
        try fixture.store.setProtected(false, id: id, org: StoreFixture.org)
    }
}
