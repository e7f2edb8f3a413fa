import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// Half a restore never looks whole, and the same command finishes it.
@Suite struct RestoreResumeTests {
    @Test(.enabled(if: isRoot, "skipped: not root"))
    func `a restore that stops anywhere is marked, and ends equal when it is repeated`() throws {
        let bench = try RestoreBench()
        let seed = TestScale.seed("restores that stop")
        var generator = SeededGenerator(seed: seed)
        try TreeTools.make(seed, bench.source)
        let manifest = try bench.capture(bench.source)
        let loads = try bench.loads(manifest)
        var pairs: [(String, String)] = []
        for number in 0..<(15 * TestScale.factor) {
            let copy = bench.path("copy-\(number)")
            // Each is stopped up to three times. What is there is not read again, so later runs may reach their end.
            var isWhole = false
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !isWhole {
                let moment = Int.random(in: 0..<loads, using: &generator)
                isWhole = try !bench.isStopped(manifest, into: copy, after: moment)
                // Before the marker there is nothing.
                let isEmpty = try !copy.exists || Kernel.names(inDirectory: copy).isEmpty
                #expect(isWhole || isEmpty || copy.marker.exists)
            }
            if !isWhole { try bench.restore(manifest, into: copy) }
            #expect(!copy.marker.exists)
            #expect(try bench.capture(copy) == manifest)
            pairs.append((bench.source, copy))
        }
        try TreeTools.expectEqual(pairs)
    }

    /// A directory whose last file cannot be read: all but that is restored, and the marker stays.
    private func interrupted(_ bench: RestoreBench, _ configure: (inout RestoreOptions) -> Void = { _ in }) throws
        -> Digest
    {
        try (bench.source + "/zzz").write(patternBytes(3000))
        let manifest = try bench.capture(bench.source)
        try bench.restore(manifest, stoppingAfter: bench.loads(manifest) - 1)
        #expect(bench.target.marker.exists)
        return manifest
    }

    @Test func `what is there already is kept`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        for name in ["a", "b"] { try "\(bench.source)/\(name)".write(patternBytes(100_000)) }
        let manifest = try interrupted(bench)
        let inode = try (bench.target + "/a").status().inode
        let result = try bench.restore(manifest)
        #expect(result.keptFiles == 2)
        #expect(result.fileCount == 3)
        #expect(try (bench.target + "/a").status().inode == inode)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    @Test func `another snapshot, part or trust is refused in a directory that is not whole`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        (bench.source + "/sub").makeDirectory()
        let manifest = try interrupted(bench)
        try (bench.source + "/other").write("other")
        let other = try bench.capture(bench.source)
        let refused: [(Digest, (inout RestoreOptions) -> Void)] = [
            (other, { _ in }), (manifest, { $0.path = Array("sub".utf8) }), (manifest, { $0.isUntrusted = true }),
        ]
        for (manifest, configure) in refused {
            let error = #expect(throws: StoreError.self) { try bench.restore(manifest, configure) }
            #expect(error?.code == .preconditionFailed)
        }
        try bench.restore(other) { $0.overwrite = true }
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    /// Names and times may be on the disk when bytes are not: after a power cut each file is read.
    @Test func `files that a power cut emptied are written again`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        for name in ["a", "b"] { try "\(bench.source)/\(name)".write(patternBytes(100_000)) }
        let manifest = try interrupted(bench)
        let file = bench.target + "/a"
        let status = try file.status()
        try file.write([UInt8](repeating: 0, count: 100_000))
        file.setTime(seconds: Int(status.modifiedSeconds), nanoseconds: Int(status.modifiedNanoseconds))
        let lines = try bench.target.marker.text().split(separator: "\n")
        #expect(lines.contains { $0.hasPrefix("boot ") })
        try bench.target.marker.write(
            lines.map { ($0.hasPrefix("boot ") ? "boot of-another-time" : $0) + "\n" }.joined(), mode: 0o600)
        let result = try bench.restore(manifest)
        #expect(result.keptFiles == 1)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    @Test func `a restore can be interrupted, and goes on`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        for name in ["a", "b"] { try "\(bench.source)/\(name)".write(patternBytes(100_000)) }
        let manifest = try bench.capture(bench.source)
        let load = try bench.loader()
        let progress = Progress()
        let restore = Restore(
            load: { key in
                if key.kind == .chunk { progress.cancel() }
                return try load(key)
            }, progress: progress)
        let error = #expect(throws: StoreError.self) { try restore.run(manifest: manifest, into: bench.target) }
        #expect(error?.code == .interrupted)
        #expect(bench.target.marker.exists)
        try bench.restore(manifest)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    @Test(arguments: [0, 1, 20]) func `a marker that was cut short stops nobody`(length: Int) throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        let manifest = try interrupted(bench)
        let marker = try bench.target.marker.contents()
        TemporaryDirectory.removeAll(bench.target)
        bench.target.makeDirectory()
        try bench.target.marker.write(Array(marker[..<length]))
        try bench.restore(manifest)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    @Test func `a directory with the marker's name is no marker`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        try (bench.source + "/a").write("a")
        let manifest = try bench.capture(bench.source)
        for make in [{ (path: String) in _ = mkdir(path, 0o755) }, { _ = symlink("nowhere", $0) }] {
            TemporaryDirectory.removeAll(bench.target)
            bench.target.makeDirectory()
            make(bench.target.marker)
            let error = #expect(throws: StoreError.self) { try bench.restore(manifest) }
            #expect(error?.code == .preconditionFailed)
            try bench.restore(manifest) { $0.overwrite = true }
            try TreeTools.expectEqual([(bench.source, bench.target)])
        }
    }

    /// The second run must not take over the rules of directories that the first one finished.
    @Test(.enabled(if: isRoot, "skipped: not root"))
    func `default access rules of finished directories are not inherited`() throws {
        let bench = try RestoreBench()
        bench.source.makeDirectory()
        let directory = bench.source + "/d"
        directory.makeDirectory()
        mkfifo(directory + "/fifo", 0o600)
        (directory + "/inner").makeDirectory()
        #expect(directory.setAttribute("system.posix_acl_default", TestACL.granting(1000)))
        let manifest = try interrupted(bench)
        #expect((bench.target + "/d").attribute("system.posix_acl_default") != nil)
        try bench.restore(manifest)
        try TreeTools.expectEqual([(bench.source, bench.target)])
        #expect(try (bench.target + "/d/fifo").attributeNames() == [])
    }

    @Test func `--verify also reads what an earlier run left`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        try (bench.source + "/a").write(patternBytes(100_000))
        let manifest = try interrupted(bench)
        let file = bench.target + "/a"
        let status = try file.status()
        try file.write(patternBytes(100_000, seed: 2))
        file.setTime(seconds: Int(status.modifiedSeconds), nanoseconds: Int(status.modifiedNanoseconds))
        #expect(try bench.restore(manifest) { $0.verify = true }.keptFiles == 0)
        try TreeTools.expectEqual([(bench.source, bench.target)])
    }

    @Test(arguments: [true, false]) func `a single file goes on too`(isMade: Bool) throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        let bytes = patternBytes(300_000)
        try (bench.source + "/a").write(bytes)
        let manifest = try bench.capture(bench.source)
        let load = try bench.loader()
        let broken: SharedObjectLoader = { key in
            if key.kind == .chunk { throw RestoreBench.Stopped() }
            return try load(key)
        }
        #expect(throws: StoreError.self) {
            try bench.restore(manifest, load: broken) { $0.path = Array("a".utf8) }
        }
        #expect(bench.target.marker.exists)
        if !isMade { TemporaryDirectory.removeAll(bench.target + "/a") }
        try bench.restore(manifest) { $0.path = Array("a".utf8) }
        #expect(try (bench.target + "/a").contents() == bytes)
        #expect(!bench.target.marker.exists)
    }
}
