import SnapCore
import TestSupport
import Testing

/// What a caller may ask of a commit, at its borders.
@Suite struct DraftTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private let fixture: StoreFixture

    init() throws {
        fixture = StoreFixture(store: try Store.open(path: directory.file("store"), create: true))
    }

    private func commit(_ name: String, _ change: (inout SnapshotDraft) -> Void) throws {
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        defer { session.end() }
        let manifest = try fixture.put([name: [1]], session)
        var draft = SnapshotDraft(name: name, tag: "1", manifest: manifest, kind: "directory")
        change(&draft)
        _ = try session.commit(draft)
    }

    /// A record that could not be read again is refused as the caller's mistake: nothing is damaged, nothing visible.
    @Test func labelsThatCannotBeStored() throws {
        let bad: [[(String, String)]] = [[("b64", "x")], [("A", "x")], [("", "x")], [("a", "1"), ("a", "2")]]
        for labels in bad {
            let error = #expect(throws: StoreError.self, "\(labels)") {
                try commit("a") { $0.labels = labels.map { SnapshotRecord.Label(key: $0.0, value: $0.1) } }
            }
            #expect(error?.code == .invalid)
        }
        #expect(try fixture.names().isEmpty)
        try commit("a") { $0.labels = [SnapshotRecord.Label(key: "a/b", value: "\u{0}é")] }
        #expect(try fixture.names() == ["a:1"])
        #expect(try fixture.problems().isEmpty)
    }

    /// Sparse files are as long as they say, and together longer than 64 bits can count.
    @Test func lengthsThatDoNotAddUp() throws {
        for name in ["a", "b", "c"] { try commit(name) { $0.logicalBytes = .max } }
        #expect(try fixture.store.statistics().logicalBytes == .max)
    }
}
