import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Testing

/// The tests wait, because the kernel's clock cannot be set: a file must have been left alone for two seconds.
@Suite struct CaptureStatCacheTests {
    /// A tree of three files on a file system whose times can be trusted.
    private func settledFixture() async throws -> CaptureFixture {
        let fixture = try CaptureFixture()
        fixture.makeDirectory("d")
        try fixture.write("a", patternBytes(50_000))
        try fixture.write("d/b", patternBytes(600_000, seed: 2))
        try fixture.write("d.c", patternBytes(40, seed: 3))
        link(fixture.at("a"), fixture.at("d/a2"))
        try await Task.sleep(for: .milliseconds(2200))
        return fixture
    }

    /// Captures and publishes the cache, as after a commit.
    private func captureAndCommit(
        _ fixture: CaptureFixture, _ sink: MemorySink, org: String = "local",
        _ configure: (inout CaptureOptions) -> Void = { _ in }
    ) throws -> CaptureResult {
        var options = CaptureOptions(kind: .directory)
        options.storePath = fixture.store
        configure(&options)
        let result = try Capture(sink: sink, options: options, org: org).run(directory: fixture.tree)
        result.statCache?.publish()
        return result
    }

    private func trustsTimes(_ fixture: CaptureFixture) throws -> Bool {
        try Kernel.fileSystem(of: Kernel.open(fixture.tree, .readOnly)).hasTrustedTimes
    }

    @Test func `unchanged files are not read, changed ones are`() async throws {
        let fixture = try await settledFixture()
        guard try trustsTimes(fixture) else { return }
        let sink = MemorySink()
        let first = try captureAndCommit(fixture, sink)
        #expect(first.counts.unchangedFiles == 0 && first.counts.readBytes == 650_040)
        let second = try captureAndCommit(fixture, sink)
        #expect(second.manifest == first.manifest)
        #expect(second.counts.unchangedFiles == 4 && second.counts.readBytes == 0)
        #expect(second.chunkCount == first.chunkCount)

        // Same size, and the old time of modification put back: only ctime tells.
        let before = try Kernel.status(path: fixture.at("d/b"))
        try fixture.write("d/b", patternBytes(600_000, seed: 9))
        let directory = try Kernel.open(fixture.at("d"), [.readOnly, .directory])
        try Kernel.changeTimes(
            in: directory, Array("b".utf8), seconds: before.modifiedSeconds, nanoseconds: before.modifiedNanoseconds)
        let third = try captureAndCommit(fixture, sink)
        #expect(try CapturedTree(sink, third.manifest).bytes("d/b") == patternBytes(600_000, seed: 9))
        #expect(third.counts.readBytes == 600_000 && third.counts.unchangedFiles == 3)

        // Metadata alone: what is noted of a file whose mode changed is not believed, its attributes are always read.
        try Kernel.setAttribute(Kernel.open(fixture.at("a"), .readWrite), Array("user.x".utf8), [1])
        let fourth = try captureAndCommit(fixture, sink)
        #expect(try CapturedTree(sink, fourth.manifest).entry("a").metadata.attributes.count == 1)
    }

    @Test func `two edits within a second of the walk are told apart`() throws {
        let fixture = try CaptureFixture()
        let sink = MemorySink()
        for round in 0..<20 {
            let bytes = patternBytes(5000, seed: UInt64(round))
            try fixture.write("a", bytes)
            let result = try captureAndCommit(fixture, sink)
            #expect(try CapturedTree(sink, result.manifest).bytes("a") == bytes)
            #expect(result.counts.unchangedFiles == 0)
        }
    }

    @Test func `a page changed through a mapping is noticed`() async throws {
        let fixture = try CaptureFixture()
        guard try trustsTimes(fixture) else { return }
        try fixture.write("a", patternBytes(8192))
        let file = try Kernel.open(fixture.at("a"), .readWrite)
        let pages = try #require(mmap(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.number, 0))
        defer { munmap(pages, 8192) }
        pages.storeBytes(of: 1, as: UInt8.self)
        try await Task.sleep(for: .milliseconds(2200))
        let sink = MemorySink()
        _ = try captureAndCommit(fixture, sink)
        // Without the walk's syncfs the page would still be dirty and this would leave no trace in the times.
        pages.storeBytes(of: 2, as: UInt8.self)
        let result = try captureAndCommit(fixture, sink)
        #expect(try CapturedTree(sink, result.manifest).bytes("a").first == 2)
        #expect(result.counts.readBytes == 8192)
    }

    @Test func `nothing is believed that the store does not hold`() async throws {
        let fixture = try await settledFixture()
        guard try trustsTimes(fixture) else { return }
        let sink = MemorySink()
        let first = try captureAndCommit(fixture, sink)
        let tree = try CapturedTree(sink, first.manifest)
        guard case .list(let list) = try tree.content("d/b").body,
            case .segments(let segments) = try tree.content("a").body,
            case .data(let chunk, _) = segments[0]
        else {
            Issue.record("the files are not cut as the test expects")
            return
        }
        sink.remove(ObjectKey(.list, list))
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 600_000)
        sink.remove(ObjectKey(.chunk, chunk))
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 50_000)
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 0)

        sink.hasDamage = true
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 650_040)
        sink.hasDamage = false
        #expect(try captureAndCommit(fixture, sink) { $0.rehash = true }.counts.readBytes == 650_040)
        // What is noted inline needs no store.
        #expect(try captureAndCommit(fixture, MemorySink()).counts.readBytes == 650_000)
        // Another organisation has a cache of its own.
        #expect(try captureAndCommit(fixture, sink, org: "other").counts.readBytes == 650_040)
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 0)
    }

    @Test func `a damaged cache costs time, never content`() async throws {
        let fixture = try CaptureFixture()
        guard try trustsTimes(fixture) else { return }
        for index in 0..<3 { try fixture.write("f\(index)", patternBytes(100 + index, seed: UInt64(index))) }
        try await Task.sleep(for: .milliseconds(2200))
        let sink = MemorySink()
        let first = try captureAndCommit(fixture, sink)
        let names = try Kernel.names(inDirectory: fixture.store + "/cache/stat").map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(names.count == 1)
        let path = fixture.store + "/cache/stat/" + (names.first ?? "")
        let good = try Kernel.readFile(path, limit: 1 << 20)
        var damaged = (0..<good.count).map { index in
            var bytes = good
            bytes[index] ^= 1 << UInt8(index % 8)
            return bytes
        }
        damaged += stride(from: 0, to: good.count, by: 7).map { Array(good.prefix($0)) }
        damaged.append(good + [1, 2, 3])
        for bytes in damaged {
            unlink(path)
            let file = try Kernel.open(path, [.writeOnly, .create, .truncate])
            try bytes.withUnsafeBytes { try Kernel.writeAll(file, $0) }
            var options = CaptureOptions(kind: .directory)
            options.storePath = fixture.store
            #expect(try Capture(sink: sink, options: options).run(directory: fixture.tree).manifest == first.manifest)
        }
    }

    @Test func `only a published cache counts, and a killed walk leaves no obstacle`() async throws {
        let fixture = try await settledFixture()
        guard try trustsTimes(fixture) else { return }
        let sink = MemorySink()
        _ = try fixture.capture(into: sink)
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 650_040)
        let directory = fixture.store + "/cache/stat"
        let name = try #require(try Kernel.names(inDirectory: directory).first)
        _ = try Kernel.open(directory + "/" + String(decoding: name, as: UTF8.self) + ".new", [.create, .writeOnly])
        #expect(try captureAndCommit(fixture, sink).counts.readBytes == 0)
        #expect(try Kernel.names(inDirectory: directory).count == 1)
    }

    @Test func `caches of roots that are gone are removed after a month`() throws {
        let fixture = try CaptureFixture()
        let directory = try Kernel.open(fixture.store + "/cache/stat", [.readOnly, .directory])
        let now = Kernel.wallNanoseconds() / 1_000_000_000
        for (name, days) in [("old", Int64(31)), ("young", 29)] {
            _ = try Kernel.openBeneath(directory, Array(name.utf8), [.create, .writeOnly])
            try Kernel.changeTimes(
                in: directory, Array(name.utf8), seconds: now - days * 24 * 3600, nanoseconds: 0)
        }
        _ = try captureAndCommit(fixture, MemorySink())
        let names = try Kernel.names(inDirectory: fixture.store + "/cache/stat").map {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(names.contains("young") && !names.contains("old") && names.count == 2)
    }

    @Test func `names are found in the order of the walk`() async throws {
        let fixture = try CaptureFixture()
        guard try trustsTimes(fixture) else { return }
        // `a.b` sorts before `a/b` as a path, but the walk comes to `a` first.
        for name in ["a", "a-", "z", "z/z"] { fixture.makeDirectory(name) }
        let names = ["a/b", "a/0", "a-/x", "a.b", "a0", "z/z/z", "z/zz", "zz"]
        for (index, name) in names.enumerated() { try fixture.write(name, patternBytes(1000 + index)) }
        for index in 0..<2000 { try fixture.write("z/file \(index)", patternBytes(70, seed: UInt64(index))) }
        try await Task.sleep(for: .milliseconds(2200))
        let sink = MemorySink()
        _ = try captureAndCommit(fixture, sink)
        unlink(fixture.at("a/0"))
        try fixture.write("a/a new one", patternBytes(500))
        try fixture.write("z/file 1000 new", patternBytes(500))
        let result = try captureAndCommit(fixture, sink)
        #expect(result.counts.unchangedFiles == UInt64(names.count - 1 + 2000))
        #expect(result.counts.readBytes == 1000)
    }

    @Test(.enabled(if: access("/dev/shm", W_OK) == 0)) func `a file system in memory is always read`() async throws {
        let fixture = try CaptureFixture(in: "/dev/shm")
        try fixture.write("a", patternBytes(5000))
        try await Task.sleep(for: .milliseconds(2200))
        let sink = MemorySink()
        for _ in 0..<2 { #expect(try captureAndCommit(fixture, sink).counts.readBytes == 5000) }
    }
}
