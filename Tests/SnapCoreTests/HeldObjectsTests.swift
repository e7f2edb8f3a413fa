import SnapCatalogue
import SnapCore
import SnapDigest
import SnapModel
import TestSupport
import Testing

/// What a capture is told of objects is the same for the first question and for the thousandth, when it is answered from
/// memory.
@Suite struct HeldObjectsTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    private func key(_ bytes: [UInt8]) throws -> ObjectKey { ObjectKey(.chunk, try SHA256().digest(bytes)) }

    @Test(arguments: [1, 17, 600]) func answersDoNotDependOnHowManyWereAsked(_ count: Int) throws {
        let seed = TestScale.seed("answersDoNotDependOnHowManyWereAsked")
        var generator = SeededGenerator(seed: seed)
        let path = directory.file("store")
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        let contents = (0..<count).map { _ in generator.bytes(100) }
        let absent = try (0..<count).map { _ in try key(generator.bytes(100)) }
        try fixture.commit(
            "t", files: Dictionary(uniqueKeysWithValues: contents.enumerated().map { ("\($0)", $1) }))
        let damaged = try key(contents[count / 2])
        try CatalogueEdit(path).markBad(damaged)

        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        defer { session.end() }
        let threads = [try session.makeHeldObjects(), try session.makeHeldObjects()]
        let held = try contents.map(key)
        for _ in 0..<3 {
            for key in (held + absent).shuffled(using: &generator) {
                let isHeld = key != damaged && !absent.contains(key)
                for thread in threads { #expect(try thread.contains(key) == isHeld, "seed \(seed)") }
                // The same digest, but another kind of object.
                #expect(try !threads[0].contains(ObjectKey(.record, key.digest)))
            }
        }
        // What others commit meanwhile is known, if perhaps a few answers later.
        let late = generator.bytes(100)
        try fixture.commit("late", files: ["a": late])
        for _ in 0..<200 { _ = try threads[1].contains(absent[0]) }
        #expect(try threads[1].contains(key(late)))
    }
}
