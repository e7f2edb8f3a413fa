import SnapCore
import SnapDigest
import TestSupport

extension ModelWorker {
    enum Outcome {
        case done(CommitResult)
        case refused
        /// It was made, and deleted by another worker before its result was read.
        case deletedAtOnce
    }

    /// How to ask for a tag that names `current`: in every way that there is, most often so that it moves.
    mutating func match(_ current: String?) -> (SnapshotDraft.Match?, force: Bool) {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: (nil, false)
        case 1: (nil, true)
        case 2: (SnapshotDraft.Match.none, false)
        case 3: (.manifest("sha256:" + String(repeating: "0", count: 64)), false)
        default: (current.map { .manifest($0) } ?? SnapshotDraft.Match.none, false)
        }
    }

    func commit(
        _ fixture: StoreFixture, _ name: String, _ tag: String?, _ files: ContentPool.Files,
        ifMatch: SnapshotDraft.Match? = nil, force: Bool = false
    ) throws -> (manifest: Digest, began: Int, outcome: Outcome) {
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        defer { session.end() }
        let manifest = try fixture.put(files, session)
        bench.pool.note(manifest.description, files)
        var draft = SnapshotDraft(name: name, tag: tag, manifest: manifest, kind: "directory")
        draft.ifMatch = ifMatch
        draft.force = force
        // Before anybody can see it, and move it to where it comes by itself.
        if name == ModelBench.shared, let tag { _ = bench.history.claim(tag, manifest.description) }
        let began = bench.history.now()
        do throws(any Error) {
            return (manifest, began, .done(try session.commit(draft)))
        } catch let error as StoreError where error.code == .preconditionFailed {
            return (manifest, began, .refused)
        } catch let error as StoreError where error.code == .notFound && name == ModelBench.shared {
            return (manifest, began, .deletedAtOnce)
        }
    }

    mutating func createOwn(_ fixture: StoreFixture) throws {
        // What tags have moved away from stays until somebody deletes it.
        guard own.records.count < 12 else { return try deleteOwn(fixture) }
        bench.proof.note("creates")
        let files = bench.pool.common(&generator)
        guard Int.random(in: 0..<8, using: &generator) > 0 else { return try createUntagged(fixture, files) }
        let tag = randomTag(&generator)
        let (ifMatch, force) = match(own.manifest(ofTag: tag))
        let (manifest, _, outcome) = try commit(fixture, name, tag, files, ifMatch: ifMatch, force: force)
        let said: NameModel.Verdict =
            switch outcome {
            case .done(let result) where !result.isNew: .same(record: result.record.id.description)
            case .done(let result): .set(replaced: result.replaced?.description)
            case .refused, .deletedAtOnce: .refused
            }
        let must = own.verdict(tag: tag, manifest: manifest.description, ifMatch: ifMatch, force: force)
        expect(said == must, "create \(tag) answered \(said), not \(must)")
        if case .done(let result) = outcome, result.isNew {
            own.made(result.record.id.description, manifest: manifest.description, tags: [tag])
        }
    }

    private mutating func createUntagged(_ fixture: StoreFixture, _ files: ContentPool.Files) throws {
        let (manifest, _, outcome) = try commit(fixture, name, nil, files)
        guard case .done(let result) = outcome, result.isNew else {
            return expect(false, "a snapshot without a tag was refused")
        }
        own.made(result.record.id.description, manifest: manifest.description, tags: [])
    }

    mutating func tagOwn(_ fixture: StoreFixture) throws {
        bench.proof.note("tags")
        guard let record = own.records.randomElement(using: &generator), let manifest = own.manifests[record],
            let id = RecordID(record)
        else { return }
        let tag = randomTag(&generator)
        let (ifMatch, force) = match(own.manifest(ofTag: tag))
        guard let snapshot = try fixture.store.snapshot(id: id, org: StoreFixture.org) else {
            return expect(false, "\(record) is lost")
        }
        let must = own.verdict(tag: tag, manifest: manifest, ifMatch: ifMatch, force: force)
        guard let replaced = try move(fixture, name, tag, snapshot, ifMatch, force) else {
            return expect(must == .refused, "tag \(tag) was refused, not \(must)")
        }
        if case .set(let old) = must {
            expect(old == replaced?.description, "tag \(tag) replaced \(String(describing: replaced))")
            own.moved(tag, to: record)
        } else {
            expect(must != .refused && replaced == nil, "tag \(tag) was set, not \(must)")
        }
    }

    /// What the tag named before; nil when it was refused, or the snapshot has been deleted.
    func move(
        _ fixture: StoreFixture, _ name: String, _ tag: String, _ snapshot: SnapshotRecord,
        _ ifMatch: SnapshotDraft.Match?, _ force: Bool
    ) throws -> Digest?? {
        do throws(any Error) {
            let set = try fixture.store.setTag(
                org: StoreFixture.org, name: name, tag: tag, to: snapshot, ifMatch: ifMatch, force: force)
            return .some(set.replaced)
        } catch {
            let code = (error as? StoreError)?.code
            guard code == .preconditionFailed || code == .notFound else { throw error }
            return nil
        }
    }
}
