import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Testing

/// Captures into a real store.
@Suite struct CaptureStoreTests {
    private func create(_ fixture: CaptureFixture, _ store: Store, tag: String) throws -> (CaptureResult, CommitResult)
    {
        let session = try store.beginSession(.create, org: "local")
        var options = CaptureOptions(kind: .directory)
        options.storePath = store.layout.root
        let result = try Capture(sink: SessionSink(session, org: "local"), options: options)
            .run(directory: fixture.tree)
        var draft = SnapshotDraft(name: "test", tag: tag, manifest: result.manifest, kind: result.kind.rawValue)
        draft.logicalBytes = Int64(clamping: result.logicalBytes)
        let commit = try session.commit(draft)
        result.statCache?.publish()
        return (result, commit)
    }

    private func top(of result: CaptureResult, _ reader: ObjectReader) throws -> Digest {
        let manifest = try Manifest.decode(reader.read(ObjectKey(.manifest, result.manifest)))
        let root = try RootNode.decode(reader.read(ObjectKey(.tree, manifest.root)))
        guard case .directory(let top) = root.node else { throw FormatError(.unknown, "the root is no directory") }
        return top
    }

    /// What a stat cache names is held as long as its snapshot is there, by whatever tag.
    @Test func `a stat cache outlives its snapshot, and is not believed then`() async throws {
        let fixture = try CaptureFixture()
        for index in 0..<5 { try fixture.write("f\(index)", patternBytes(20_000, seed: UInt64(index))) }
        let attribute = Array("user.a".utf8)
        try Kernel.setAttribute(Kernel.open(fixture.at("f1"), .readOnly), attribute, [1])
        try await Task.sleep(for: .milliseconds(2200))
        let store = try Store.open(path: fixture.path + "/real", create: true)
        defer { store.close() }
        let (first, _) = try create(fixture, store, tag: "one")
        let (known, two) = try create(fixture, store, tag: "two")
        let isTrusted = known.counts.unchangedFiles > 0
        #expect(known.manifest == first.manifest && known.counts.readBytes == (isTrusted ? 0 : 100_000))
        _ = try store.deleteTag(org: "local", name: "test", tag: "one")
        #expect(try create(fixture, store, tag: "three").0.counts.readBytes == (isTrusted ? 0 : 100_000))
        for tag in ["two", "three"] { _ = try store.deleteTag(org: "local", name: "test", tag: tag) }
        // Let go, and still there.
        #expect(try create(fixture, store, tag: "four").0.manifest == two.record.manifest)
        _ = try store.deleteTag(org: "local", name: "test", tag: "four")
        var options = GCOptions()
        options.graceMilliseconds = 0
        _ = try store.collectGarbage(options)
        let (again, _) = try create(fixture, store, tag: "five")
        #expect(again.manifest == first.manifest && again.counts.readBytes == 100_000)
        #expect(try store.check().problems.isEmpty)
        // Attributes are not read where there were none, unless the file has changed.
        for name in ["f1", "f2"] {
            try Kernel.setAttribute(Kernel.open(fixture.at(name), .readOnly), attribute, [2])
            let changed = try create(fixture, store, tag: name).0
            let reader = try store.reader(org: "local")
            let entry = try lookUp(name: Array(name.utf8), inTree: top(of: changed, reader)) { try reader.read($0) }
            #expect(entry?.metadata.attributes == [ExtendedAttribute(name: attribute, value: .inline([2]))])
        }
    }

    @Test func `a second capture reads nothing and makes an equal snapshot`() async throws {
        let fixture = try CaptureFixture()
        for index in 0..<20 { try fixture.write("f\(index)", patternBytes((100 << index) >> 5, seed: UInt64(index))) }
        // The same content twice, and large enough for a chunk list.
        for name in ["x", "y"] { try fixture.write(name, patternBytes(2_000_000, seed: 77)) }
        try await Task.sleep(for: .milliseconds(2200))
        let store = try Store.open(path: fixture.path + "/real", create: true)
        defer { store.close() }
        let (first, one) = try create(fixture, store, tag: "one")
        let (second, two) = try create(fixture, store, tag: "two")
        #expect(second.manifest == first.manifest)
        if second.counts.unchangedFiles > 0 { #expect(second.counts.readBytes == 0) }
        #expect(two.record.uniqueBytes == one.record.uniqueBytes)
        let reader = try store.reader(org: "local")
        var cursor = try TreeCursor(root: top(of: first, reader), load: { try reader.read($0) })
        var names = 0
        while try cursor.next() != nil { names += 1 }
        #expect(names == 22)
    }
}
