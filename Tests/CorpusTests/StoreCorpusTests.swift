import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// Commands that read what strangers made: streams, archives, and files of a store that are not what they were.
@Suite struct StoreCorpusTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")

    /// What is imported can be restored, or is refused by name; nothing of what is refused stays.
    @Test func exportStreams() throws {
        let proof = Proof("P13")
        let canary = directory.file("canary")
        try canary.write(Array("canary".utf8))
        for file in try CorpusCase.of("export") {
            let store = try Store.open(path: directory.file(file.file), create: true)
            var manifest: Digest?
            #expect(
                code {
                    let session = try store.beginSession(.import, org: "local")
                    defer { session.end() }
                    let draft = try NativeImport(session: session).run(read: reading(try file.bytes()))
                    manifest = try session.commit(draft, cause: "import").record.manifest
                } == file.code, "\(file.testDescription)")
            #expect(try store.snapshots(org: "local").count == (file.code == "ok" ? 1 : 0), "\(file.testDescription)")
            #expect(try store.check(FsckOptions()).problems.isEmpty, "\(file.testDescription)")
            if let expected = file.restore, let manifest {
                let reader = try store.reader(org: "local")
                let target = directory.file(file.file + "-restored")
                #expect(
                    code {
                        _ = try Restore(load: { try reader.read($0) }).run(manifest: manifest, into: target)
                    } == expected, "\(file.testDescription)")
                proof.note("hostile snapshots restored")
                TemporaryDirectory.removeAll(target)
            } else {
                proof.note("streams refused")
            }
            proof.check(try Kernel.readFile(canary, limit: 100) == Array("canary".utf8), "the canary, \(file.why)")
            store.close()
            TemporaryDirectory.removeAll(directory.file(file.file))
            let left = try Kernel.names(inDirectory: directory.path).count
            proof.check(left == 1, "\(left - 1) names outside the target, \(file.why)")
        }
        let lost = proof.report("streams of the corpus imported, and restored where they may be")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.count("hostile snapshots restored") >= 9)
    }

    /// Of the good stream no beginning is a snapshot.
    @Test func exportStreamsThatAreCut() throws {
        let store = try Store.open(path: directory.file("cut"), create: true)
        defer { store.close() }
        let good = try #require(try CorpusCase.of("export").first { $0.why == "good" }).bytes()
        var counts = Array(stride(from: 0, to: good.count, by: 97)) + [7, 8, 15, 16, 17]
        counts += (1...60).map { good.count - $0 }
        for count in counts {
            let answer = code {
                let session = try store.beginSession(.import, org: "local")
                defer { session.end() }
                _ = try NativeImport(session: session).run(read: reading(Array(good[..<count])))
            }
            #expect(answer == (count < 8 ? "invalid" : "corrupt"), "the first \(count) bytes")
        }
    }

    @Test func archives() throws {
        for file in try CorpusCase.of("tar") {
            let archive = try file.bytes()
            #expect(code { try importTar(archive) } == file.code, "\(file.testDescription)")
        }
    }

    /// Of the good archive no beginning is one, but for what ends between the blocks of zeros at its end.
    @Test func archivesThatAreCut() throws {
        let good = try #require(try CorpusCase.of("tar").first { $0.why == "good" }).bytes()
        for count in Array(stride(from: 0, to: good.count - 512, by: 61)) + [511, 512, 513, good.count - 1025] {
            #expect(code { try importTar(Array(good[..<count])) } == "corrupt", "the first \(count) bytes")
        }
    }

    private func importTar(_ archive: [UInt8]) throws {
        let read = reading(archive)
        _ = try TarImport(sink: NoSink(), scratch: { try Kernel.openUnnamed(inDirectory: "/dev/shm") }).run { buffer in
            let bytes = try read(buffer.count)
            buffer.copyBytes(from: bytes)
            return bytes.count
        }
    }

    @Test func formatFiles() throws {
        let path = directory.file("format")
        try Store.open(path: path, create: true).close()
        for file in try CorpusCase.of("format") {
            try (path + "/FORMAT").write(try file.bytes())
            #expect(code { try Store.open(path: path, create: false).close() } == file.code, "\(file.testDescription)")
        }
    }

    /// A stat cache is never worth an error, and nothing that it says is believed without a reason.
    @Test func statCaches() throws {
        // On a disk: elsewhere there is no cache.
        let disk = TemporaryDirectory()
        let (tree, store) = (disk.file("tree"), disk.file("store"))
        try Store.open(path: store, create: true).close()
        try Kernel.makeParentDirectories(of: tree + "/f")
        try (tree + "/f").write([1, 2, 3])
        var options = CaptureOptions(kind: .directory)
        options.storePath = store
        func capture() throws -> CaptureResult {
            let result = try Capture(sink: NoSink(), options: options).run(directory: tree)
            result.statCache?.publish()
            return result
        }
        let first = try capture()
        let caches = store + "/cache/stat"
        guard let name = try Array(Kernel.names(inDirectory: caches)).first else { return }
        let cache = caches + "/" + String(decoding: name, as: UTF8.self)
        for file in try CorpusCase.of("stat-cache") {
            #expect(file.code == "ignored")
            try cache.write(try file.bytes())
            let result = try capture()
            #expect(result.manifest == first.manifest, "\(file.testDescription)")
            #expect(result.counts.unchangedFiles == 0, "\(file.testDescription)")
        }
    }
}

/// A sink that keeps nothing.
private final class NoSink: ObjectSink {
    func contains(_ key: ObjectKey) throws -> Bool { false }
    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {}
}

/// Hands out bytes, as many as asked for or all that are left.
private func reading(_ bytes: [UInt8]) -> (Int) throws -> [UInt8] {
    var position = 0
    return { count in
        let end = position + min(count, bytes.count - position)
        defer { position = end }
        return Array(bytes[position..<end])
    }
}
