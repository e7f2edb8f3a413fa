import SnapCore
import SnapDigest
import Synchronization
import TestSupport

/// What the workers of a model test share: a store, and what must be in it.
final class ModelBench: Sendable {
    static let tags = ["a", "b", "c", "latest"]
    static let shared = "shared"

    let path: String
    let seed: UInt64
    let proof: Proof
    let pool: ContentPool
    let history = TagHistory()
    /// Deleted snapshots that came back.
    let returns = Mutex(0)
    /// Checks that said nothing of the counts, because these changed all the time.
    let undecided = Mutex(0)
    /// Shared snapshots that a worker protects.
    let guarded = Mutex<Set<String>>([])

    init(path: String, seed: UInt64, proof: Proof) {
        self.path = path
        self.seed = seed
        self.proof = proof
        pool = ContentPool(seed: seed)
    }
}

/// One of many that use a store at once: random operations, each compared with what the model says.
///
/// It alone uses its own name, so the answers must be exactly those of ``NameModel``; the name `shared` is everybody's.
struct ModelWorker {
    let bench: ModelBench
    let name: String
    var generator: SeededGenerator
    var own = NameModel()

    init(_ number: Int, _ bench: ModelBench) {
        self.bench = bench
        name = "own\(number)"
        generator = SeededGenerator(seed: bench.seed &+ UInt64(number) &* 7919)
    }

    mutating func run(_ count: Int) throws {
        let jobs = generator.next() % 2 == 0 ? JobLimits.small : JobLimits()
        let fixture = StoreFixture(store: try Store.open(path: bench.path, create: false, jobs: jobs))
        defer { fixture.store.close() }
        for _ in 0..<count { try operate(fixture) }
    }

    private mutating func operate(_ fixture: StoreFixture) throws {
        switch Int.random(in: 0..<1000, using: &generator) {
        case 0..<28: try createOwn(fixture)
        case 28..<42: try createShared(fixture)
        case 42..<64: try tagOwn(fixture)
        case 64..<76: try tagShared(fixture)
        case 76..<92: try deleteOwn(fixture)
        case 92..<101: try deleteShared(fixture)
        case 101..<106: try undelete(fixture)
        case 106..<109: try purge(fixture)
        case 109..<114: try protectOwn(fixture)
        case 114..<117: try protectShared(fixture)
        case 117..<120: try expire(fixture)
        case 120..<123: try collect(fixture)
        case 123..<124: try check(fixture)
        case 124..<200: try restore(fixture)
        case 200..<310: try list(fixture)
        default: try read(fixture)
        }
    }

    func expect(_ condition: Bool, _ what: @autoclosure () -> String) {
        bench.proof.check(condition, "\(name): \(what())")
    }

    func randomTag(_ generator: inout SeededGenerator) -> String {
        ModelBench.tags.randomElement(using: &generator) ?? "latest"
    }

    // MARK: Maintenance

    private mutating func collect(_ fixture: StoreFixture) throws {
        bench.proof.note("collections")
        try fixture.collect(compact: Bool.random(using: &generator) ? .always : nil)
    }

    private func check(_ fixture: StoreFixture) throws {
        bench.proof.note("checks")
        let problems = try fixture.problems()
        if problems.contains(where: { $0.code == "busy" }) { bench.undecided.withLock { $0 += 1 } }
        for problem in problems where problem.code != "busy" {
            expect(false, "a check beside others: \(problem.message)")
        }
    }

    // MARK: Reading

    private mutating func list(_ fixture: StoreFixture) throws {
        bench.proof.note("lists")
        guard Int.random(in: 0..<8, using: &generator) == 0 else {
            let mine = try fixture.store.snapshots(org: StoreFixture.org, name: name)
            return expect(Self.lines(mine) == own.lines, "the list of its snapshots is not the model's")
        }
        let began = bench.history.now()
        let all = try fixture.store.snapshots(org: StoreFixture.org)
        expect(Self.lines(all.filter { $0.name == name }) == own.lines, "the list of all is not the model's")
        for found in all where found.name == ModelBench.shared {
            bench.history.saw(found.manifest.description, began: began)
        }
        // Somebody may delete it, then it is gone; it is never there by half.
        guard let found = all.randomElement(using: &generator) else { return }
        do throws(any Error) {
            expect(try fixture.files(of: found) == files(of: found), "wrong files of \(found.displayName)")
        } catch let error as StoreError where error.code == .notFound && found.name != name {}
    }

    static func lines(_ snapshots: [SnapshotRecord]) -> Set<String> {
        Set(
            snapshots.map {
                NameModel.line(
                    record: $0.id.description, manifest: $0.manifest.description, tags: $0.tags.map(\.tag),
                    isProtected: $0.isProtected)
            })
    }

    /// What a snapshot must hold.
    private func files(of snapshot: SnapshotRecord) -> ContentPool.Files? {
        bench.pool.files(of: snapshot.manifest.description)
    }

    private mutating func read(_ fixture: StoreFixture) throws {
        bench.proof.note("reads")
        guard let tag = own.tags.keys.sorted().randomElement(using: &generator) else { return }
        let found = try fixture.store.snapshot(org: StoreFixture.org, name: name, tag: tag)
        expect(found?.id.description == own.tags[tag], "\(tag) names another snapshot")
        guard let found, let files = files(of: found), let file = files.keys.sorted().randomElement(using: &generator)
        else { return }
        let reader = try fixture.store.reader(org: StoreFixture.org)
        let bytes = try StoreFixture.file(file, of: found.manifest, reader)
        expect(bytes == files[file], "wrong bytes of \(file)")
    }

    /// A whole snapshot, which others may delete and collect, and whose packs they rewrite, while it is read.
    private mutating func restore(_ fixture: StoreFixture) throws {
        bench.proof.note("restores")
        guard Int.random(in: 0..<4, using: &generator) == 0 else { return try restoreOne(fixture) }
        // As a process of its own would, with nothing read before.
        let cold = StoreFixture(store: try Store.open(path: bench.path, create: false))
        defer { cold.store.close() }
        try restoreOne(cold)
    }

    private mutating func restoreOne(_ fixture: StoreFixture) throws {
        let session = try fixture.store.beginSession(.restore, org: StoreFixture.org)
        defer { session.end() }
        let found: SnapshotRecord?
        if Bool.random(using: &generator) {
            found = try look(fixture, randomTag(&generator))
        } else {
            found = try fixture.store.snapshots(org: StoreFixture.org).randomElement(using: &generator)
        }
        guard let found else { return }
        let read = try StoreFixture.files(of: found.manifest, session.reader())
        expect(read == files(of: found), "wrong files of \(found.displayName)")
    }
}
