import SnapCatalogue
import SnapCore
import SnapDigest
import SnapModel
import TestSupport
import Testing

/// An object that was found damaged once is not read again before it is healed, even if its bytes look sound by then.
@Suite struct BadMarkTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    @Test func aMarkedObjectIsNotReadUntilItIsStoredAgain() throws {
        let path = directory.file("store")
        let fixture = StoreFixture(store: try Store.open(path: path, create: true))
        defer { fixture.store.close() }
        let files = ["a": [UInt8](repeating: 7, count: 5000)]
        let made = try fixture.commit("t", tag: "1", files: files)
        let chunk = ObjectKey(.chunk, try SHA256().digest([UInt8](repeating: 7, count: 4096)))
        try CatalogueEdit(path).markBad(chunk)
        let error = #expect(throws: StoreError.self) { try fixture.files(of: made.record) }
        #expect(error?.code == .corrupt)
        try fixture.commit("t", tag: "2", files: files)
        #expect(try fixture.files(of: made.record) == files)
    }
}
