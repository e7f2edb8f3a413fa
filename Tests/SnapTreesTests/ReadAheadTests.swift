import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Synchronization
import TestSupport
import Testing

/// Files read ahead of the walk by several threads: nobody can tell from what comes out.
@Suite struct ReadAheadTests {
    /// Some megabytes of files, so that the scout goes; links, excluded names and things that are no files among them.
    private static func fill(_ fixture: CaptureFixture, _ generator: inout SeededGenerator) throws {
        var directories = [""]
        for number in 0..<12 {
            let parent = directories[Int(generator.next() % UInt64(directories.count))]
            let path = parent + "d\(number % 2 == 0 ? "" : ".o")\(number)/"
            fixture.makeDirectory(path)
            directories.append(path)
        }
        for number in 0..<500 {
            let path = directories[Int(generator.next() % UInt64(directories.count))] + "f\(number)"
            switch generator.next() % 20 {
            case 0: symlink("f\(number - 1)", fixture.at(path))
            case 1: mkfifo(fixture.at(path), 0o600)
            case 2: try fixture.write(path, [])
            case 3: try fixture.write(path, generator.bytes(Int(generator.next() % 70)))
            case 4: try fixture.write(path, generator.bytes(Int(generator.next() % 400_000)))
            case 5:
                try fixture.write(path, generator.bytes(5000))
                link(fixture.at(path), fixture.at(directories[0] + "linked\(number)"))
            case 6: try fixture.write(path + ".o", generator.bytes(100))
            case 7: try fixture.write(path, [UInt8](repeating: 0, count: Int(generator.next() % 300_000)))
            case 8:
                try fixture.write(path, generator.bytes(9000))
                let file = try Kernel.open(fixture.at(path), .readWrite)
                try Kernel.setAttribute(file, Array("user.path".utf8), Array(path.utf8))
            default: try fixture.write(path, generator.bytes(Int(generator.next() % 30_000)))
            }
        }
        try fixture.write("big", generator.bytes(17 << 20))
    }

    private static func options(_ threads: Int, _ configure: (inout CaptureOptions) -> Void = { _ in })
        -> (inout CaptureOptions) -> Void
    {
        var set = CaptureOptions(kind: .directory)
        configure(&set)
        let (exclude, rehash) = (set.exclude, set.rehash)
        return {
            $0.threads = threads
            $0.exclude = exclude
            $0.rehash = rehash
        }
    }

    @Test func `the same tree by one thread and by several`() async throws {
        var generator = SeededGenerator(seed: TestScale.seed("read ahead"))
        for _ in 0..<TestScale.factor {
            // Where a stat cache is believed.
            let fixture = try CaptureFixture()
            try Self.fill(fixture, &generator)
            try compareRereading(fixture)
            try await Task.sleep(for: .milliseconds(2100))
            try compareWithStatCache(fixture, &generator)
        }
    }

    private func compareRereading(_ fixture: CaptureFixture) throws {
        let set: (inout CaptureOptions) -> Void = { options in
            options.exclude = ExcludePatterns(["*.o"])
            options.rehash = true
        }
        let (one, expected) = try fixture.capture(Self.options(1, set))
        #expect(expected.counts.excluded > 0 && expected.counts.readBytes > 20 << 20)
        for threads in [2, 3, 8] {
            let (tree, result) = try fixture.capture(Self.options(threads, set))
            #expect(result.manifest == expected.manifest)
            #expect(result.counts == expected.counts && result.notices == expected.notices)
            #expect(result.warnings.isEmpty)
            #expect(tree.sink.objects == one.sink.objects, "\(threads) threads")
        }
    }

    /// What is known is not read, whoever meets it. Results are not kept: they keep the cache's lock.
    private func compareWithStatCache(_ fixture: CaptureFixture, _ generator: inout SeededGenerator) throws {
        let sink = MemorySink()
        try fixture.capture(into: sink, Self.options(1)).statCache?.publish()
        for (number, name) in try Kernel.names(inDirectory: fixture.tree).enumerated() where number % 3 == 0 {
            let name = String(decoding: name, as: UTF8.self)
            guard name.hasPrefix("f"), isFile(fixture.at(name)) else { continue }
            try fixture.write(name, generator.bytes(150_000))
        }
        let again = try (1...3).map { threads in
            let result = try fixture.capture(into: sink, Self.options(threads))
            return (manifest: result.manifest, counts: result.counts)
        }
        let isCacheUsed = try Kernel.fileSystem(of: Kernel.open(fixture.tree, .readOnly)).hasTrustedTimes
        #expect(again[0].counts.unchangedFiles > 100 || !isCacheUsed)
        #expect(again[0].counts.readBytes > 1 << 20)
        for result in again[1...] {
            #expect(result.manifest == again[0].manifest && result.counts == again[0].counts)
        }
    }

    /// False for a link to nothing.
    private func isFile(_ path: String) -> Bool {
        (try? Kernel.status(path: path)).map { NodeStatus($0).kind == .file } ?? false
    }

    /// Each version of a file says in its bytes which it is, and has the time of that: no capture may mix them.
    @Test func `files that are replaced, moved and removed meanwhile`() throws {
        let seed = TestScale.seed("read ahead, changes")
        var generator = SeededGenerator(seed: seed)
        let fixture = try CaptureFixture(in: "/dev/shm")
        let names = (0..<40).flatMap { directory in (0..<30).map { "d\(directory)/f\($0)" } }
        for directory in 0..<40 { fixture.makeDirectory("d\(directory)") }
        for name in names { try Versions.write(fixture, name, 1) }
        try fixture.write("a", generator.bytes(3 << 20))
        let versions = Versions(fixture, names, seed: generator.next())
        let pool = try WorkerPool(threads: 1, queueMax: 1)
        try pool.submit { versions.change() }
        defer { versions.end() }
        var checked = 0
        for round in 0..<(6 * TestScale.factor) {
            let (tree, result) = try fixture.capture(Self.options(2 + round % 3))
            let changed = Set(result.warnings.kept.map(\.path))
            for name in names where !changed.contains(Array(name.utf8)) {
                guard let entry = try tree.find(name.split(separator: "/").map { Array($0.utf8) }) else { continue }
                guard case .file(let content) = entry.node else { continue }
                let bytes = try tree.bytes(content)
                #expect(bytes == Versions.bytes(entry.metadata.modified.seconds), "\(name)")
                checked += 1
            }
        }
        versions.end()
        try pool.wait()
        #expect(checked > 1000)
    }

    /// Puts new versions in the place of files, moves and removes some.
    private final class Versions: Sendable {
        private let stopped = Atomic(false)
        private let path: String
        private let names: [String]
        private let seed: UInt64

        init(_ fixture: CaptureFixture, _ names: [String], seed: UInt64) {
            (path, self.names, self.seed) = (fixture.tree, names, seed)
        }

        static func bytes(_ version: Int64) -> [UInt8] {
            let line = Array("version \(version)\n".utf8)
            return (0..<(500 + Int(version % 17) * 50)).flatMap { _ in line }
        }

        static func write(_ fixture: CaptureFixture, _ name: String, _ version: Int64) throws {
            try write(fixture.tree, name, version)
        }

        private static func write(_ path: String, _ name: String, _ version: Int64) throws {
            let temporary = path + "/../new"
            let file = try Kernel.open(temporary, [.writeOnly, .create, .truncate], mode: 0o644)
            try bytes(version).withUnsafeBytes { try Kernel.write(file, $0, at: 0) }
            let times = [timespec(tv_sec: Int(version), tv_nsec: 0), timespec(tv_sec: Int(version), tv_nsec: 0)]
            utimensat(AT_FDCWD, temporary, times, 0)
            rename(temporary, path + "/" + name)
        }

        func change() {
            var generator = SeededGenerator(seed: seed)
            var version: Int64 = 2
            while !stopped.load(ordering: .relaxed) {
                let name = names[Int(generator.next() % UInt64(names.count))]
                switch generator.next() % 8 {
                case 0: unlink(path + "/" + name)
                case 1: rename(path + "/" + name, path + "/" + names[Int(generator.next() % UInt64(names.count))])
                default: try? Self.write(path, name, version)
                }
                version += 1
            }
        }

        func end() { stopped.store(true, ordering: .relaxed) }
    }

    @Test func `a directory that goes once it was read ahead`() throws {
        let fixture = try CaptureFixture(in: "/dev/shm")
        try fixture.write("a", patternBytes(3 << 20))
        for (number, directory) in ["b", "c", "d"].enumerated() {
            fixture.makeDirectory(directory)
            for file in 0..<1500 { try fixture.write("\(directory)/\(file)", patternBytes(200, seed: UInt64(number))) }
        }
        // Once chunks of `b` come, all of it goes: over a thousand files that the scout met and the walk never will.
        let sink = HookedSink { count in
            if count == 300 { rename(fixture.at("b"), fixture.path + "/gone") }
        }
        let result = try fixture.capture(into: sink, Self.options(3))
        let tree = try CapturedTree(sink.memory, result.manifest)
        for directory in ["c", "d"] { #expect(try tree.names(directory).count == 1500) }
        #expect(try tree.bytes("d/7") == patternBytes(200, seed: 2))
    }

    /// Calls into the test at each put, one at a time.
    private final class HookedSink: ObjectSink {
        let memory = MemorySink()
        private(set) var puts = 0
        private let hook: (Int) throws -> Void

        init(_ hook: @escaping (Int) throws -> Void) { self.hook = hook }

        func contains(_ key: ObjectKey) throws -> Bool { try memory.contains(key) }

        func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
            puts += 1
            try hook(puts)
            try memory.put(key, bytes)
        }
    }

    /// Whichever thread meets it, and whether or not the walk wanted that file: what failed to be put is missing.
    @Test func `a failing put ends the capture, wherever it is`() throws {
        let fixture = try CaptureFixture(in: "/dev/shm")
        try fixture.write("a", patternBytes(3 << 20))
        fixture.makeDirectory("b")
        for file in 0..<300 { try fixture.write("b/\(file)", patternBytes(3000, seed: UInt64(file))) }
        let whole = HookedSink { _ in }
        _ = try fixture.capture(into: whole, Self.options(3) { $0.rehash = true })
        var ended = 0
        for number in stride(from: 1, through: whole.puts, by: max(1, whole.puts / (40 * TestScale.factor))) {
            let sink = HookedSink { if $0 == number { throw StoreError(.outOfSpace, "The disk is full.") } }
            var error: StoreError?
            do {
                _ = try fixture.capture(into: sink, Self.options(3) { $0.rehash = true })
            } catch let thrown as StoreError {
                error = thrown
            }
            // A file that both the walk and a thread read is put twice: in another run there may be fewer puts.
            #expect((error?.code == .outOfSpace) == (sink.puts >= number), "put \(number) of \(whole.puts)")
            if error != nil { ended += 1 }
            // Nobody reads on once the capture has ended.
            let puts = sink.puts
            Kernel.sleep(milliseconds: 2)
            #expect(sink.puts == puts)
        }
        #expect(ended > 20)
    }

    @Test func `a cancelled capture ends its threads`() throws {
        let fixture = try CaptureFixture(in: "/dev/shm")
        try fixture.write("a", patternBytes(3 << 20))
        for file in 0..<300 { try fixture.write("b\(file)", patternBytes(20_000, seed: UInt64(file))) }
        for number in [200, 300, 400] {
            let progress = Progress()
            let sink = HookedSink { if $0 == number { progress.cancel() } }
            let error = #expect(throws: StoreError.self) {
                var options = CaptureOptions(kind: .directory)
                options.threads = 3
                _ = try Capture(sink: sink, options: options, progress: progress).run(directory: fixture.tree)
            }
            #expect(error?.code == .interrupted)
            let puts = sink.puts
            Kernel.sleep(milliseconds: 2)
            #expect(sink.puts == puts)
        }
    }

    /// The same file by two paths, which its number of links does not tell.
    @Test(.enabled(if: isRoot, "skipped: not root")) func `a directory that is mounted a second time`() throws {
        let fixture = try CaptureFixture(in: "/dev/shm")
        try fixture.write("a", patternBytes(3 << 20))
        for directory in ["b", "c"] { fixture.makeDirectory(directory) }
        for file in 0..<700 { try fixture.write("b/\(file)", patternBytes(400, seed: UInt64(file))) }
        try #require(mount(fixture.at("b"), fixture.at("c"), nil, UInt(MS_BIND), nil) == 0)
        defer { umount2(fixture.at("c"), Int32(MNT_DETACH)) }
        let (one, expected) = try fixture.capture(Self.options(1) { $0.rehash = true })
        for threads in [2, 4] {
            let (tree, result) = try fixture.capture(Self.options(threads) { $0.rehash = true })
            #expect(result.manifest == expected.manifest && result.counts == expected.counts)
            #expect(tree.sink.objects == one.sink.objects)
        }
    }
}
