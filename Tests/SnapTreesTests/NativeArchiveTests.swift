import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// One snapshot as a stream: out of one store, into another, and nothing of a stream that is damaged.
@Suite struct NativeArchiveTests {
    private func export(_ bench: RestoreBench, _ manifest: Digest) throws -> [UInt8] {
        let snapshot = try #require(try bench.store.snapshots(org: "local").first { $0.manifest == manifest })
        var stream: [UInt8] = []
        try NativeExport(load: try bench.loader()).run(snapshot) { stream += $0 }
        return stream
    }

    /// Imports and commits, as the command does.
    @discardableResult
    private func `import`(_ bench: RestoreBench, _ stream: [UInt8]) throws -> SnapshotRecord {
        let session = try bench.store.beginSession(.import, org: "local")
        defer { session.end() }
        var position = 0
        let draft = try NativeImport(session: session).run { count in
            let end = min(stream.count, position + count)
            defer { position = end }
            return Array(stream[position..<end])
        }
        return try session.commit(draft, cause: "import").record
    }

    private func expectSound(_ bench: RestoreBench) throws {
        var options = FsckOptions()
        options.readData = true
        let problems = try bench.store.check(options).problems
        #expect(problems.isEmpty, "\(problems)")
    }

    @Test(.enabled(if: isRoot, "skipped: not root")) func `a random tree is the same in another store`() throws {
        let (here, there) = (try RestoreBench(), try RestoreBench())
        let seed = TestScale.seed("streams")
        let count = 3 * TestScale.factor
        try TreeTools.make(seed, here.source, "--count", "\(count)")
        var pairs: [(String, String)] = []
        for number in 0..<count {
            let source = "\(here.source)/\(number)"
            let manifest = try here.capture(source, tag: "tag-\(number)")
            let record = try `import`(there, try export(here, manifest))
            #expect(record.manifest == manifest)
            #expect(record.name == "t" && record.tags.map(\.tag) == ["tag-\(number)"])
            let copy = there.path("copy-\(number)")
            try there.restore(manifest, into: copy)
            pairs.append((source, copy))
        }
        try TreeTools.expectEqual(pairs)
        try expectSound(there)
    }

    /// A few objects can name each other for hours: that is stopped, too.
    @Test func `an import that walks its tree can be interrupted`() throws {
        let (here, there) = (try RestoreBench(trees: "/dev/shm"), try RestoreBench(trees: "/dev/shm"))
        let stream = try export(here, try smallSnapshot(here))
        let session = try there.store.beginSession(.import, org: "local")
        defer { session.end() }
        let progress = Progress()
        var position = 0
        let error = #expect(throws: StoreError.self) {
            try NativeImport(session: session, progress: progress).run { count in
                if position == stream.count { progress.cancel() }
                let end = min(stream.count, position + count)
                defer { position = end }
                return Array(stream[position..<end])
            }
        }
        #expect(error?.code == .interrupted)
    }

    @Test func `a second import changes nothing`() throws {
        let (here, there) = (try RestoreBench(trees: "/dev/shm"), try RestoreBench(trees: "/dev/shm"))
        let stream = try export(here, try smallSnapshot(here))
        let first = try `import`(there, stream)
        let second = try `import`(there, stream)
        #expect(first.id == second.id)
        #expect(try there.store.snapshots(org: "local").count == 1)
    }

    /// Inline files, chunks, a list, hard links and attributes in a few kilobytes.
    private func smallSnapshot(_ bench: RestoreBench) throws -> Digest {
        bench.source.makeDirectory()
        (bench.source + "/d").makeDirectory()
        try (bench.source + "/d/a").write("a")
        link(bench.source + "/d/a", bench.source + "/b")
        try (bench.source + "/chunk").write(patternBytes(700))
        return try bench.capture(bench.source, tag: "1")
    }

    /// Refuses the stream by name, and leaves nothing.
    @discardableResult
    private func expectRefused(_ bench: RestoreBench, _ stream: [UInt8], _ comment: String) throws -> StoreError? {
        let error = #expect(throws: StoreError.self, "\(comment)") { try `import`(bench, stream) }
        let codes: [StoreError.Code] = [.corrupt, .invalid, .incomplete]
        #expect(error.map { codes.contains($0.code) } == true, "\(comment): \(String(describing: error))")
        #expect(try bench.store.snapshots(org: "local").isEmpty, "\(comment)")
        return error
    }

    @Test func `a stream that is cut is refused, wherever`() throws {
        let (here, there) = (try RestoreBench(trees: "/dev/shm"), try RestoreBench(trees: "/dev/shm"))
        let stream = try export(here, try smallSnapshot(here))
        let step = max(1, stream.count / (120 * TestScale.factor))
        for length in Set(stride(from: 0, to: stream.count, by: step)).union([0, 7, 8, 9, 15, 16, stream.count - 1]) {
            let error = try expectRefused(
                there, Array(stream[..<length]), "the first \(length) bytes of \(stream.count)")
            guard length >= NativeExport.magic.count else { continue }
            #expect(error?.message == "The stream ends before the snapshot does.", "the first \(length) bytes")
        }
        try expectRefused(there, stream + [0], "a byte too many")
        try expectSound(there)
        #expect(try `import`(there, stream).fileCount == 3)
    }

    @Test func `a stream with a changed bit is refused, wherever`() throws {
        let (here, there) = (try RestoreBench(trees: "/dev/shm"), try RestoreBench(trees: "/dev/shm"))
        let stream = try export(here, try smallSnapshot(here))
        var generator = SeededGenerator(seed: TestScale.seed("changed bits of streams"))
        let step = max(1, stream.count / (150 * TestScale.factor))
        for position in stride(from: 0, to: stream.count, by: step) {
            var damaged = stream
            let place = min(stream.count - 1, position + Int.random(in: 0..<step, using: &generator))
            let bit = Int.random(in: 0..<8, using: &generator)
            damaged[place] ^= 1 << UInt8(bit)
            try expectRefused(there, damaged, "bit \(bit) of byte \(place) of \(stream.count)")
        }
        try expectSound(there)
        #expect(try `import`(there, stream).fileCount == 3)
    }

    /// Whole streams of snapshots that are not: refused when they are read, not when somebody restores them.
    @Test func `a snapshot that cannot be restored is not imported`() throws {
        let (here, there) = (try RestoreBench(trees: "/dev/shm"), try RestoreBench(trees: "/dev/shm"))
        let tree = try HostileTree(here)
        let top = try tree.directory([HostileTree.file("a", "same"), HostileTree.file("b", "same")])
        let manifest = try tree.manifest(top, linkTable: HostileTree.linkTable([["b", "a"]]))
        let draft = SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory")
        _ = try tree.session.commit(draft)
        try expectRefused(there, try export(here, manifest), "a link table out of order")
    }

    @Test func `a small stream that stands for 2^60 segments is read at once`() throws {
        let (here, there) = (try RestoreBench(trees: "/dev/shm"), try RestoreBench(trees: "/dev/shm"))
        let tree = try HostileTree(here)
        let content = try tree.repeated(
            { .data(try tree.session.store(.chunk, Array("\($0)".utf8)), size: UInt32("\($0)".utf8.count)) }, levels: 4)
        let manifest = try tree.manifest(try tree.directory([HostileTree.entry("f", .file(content))]))
        let draft = SnapshotDraft(name: "t", tag: "1", manifest: manifest, kind: "directory")
        _ = try tree.session.commit(draft)
        let record = try `import`(there, try export(here, manifest))
        #expect(record.logicalBytes == Int64(clamping: content.length))
        #expect(record.chunkCount == 1 << 50)
    }
}
