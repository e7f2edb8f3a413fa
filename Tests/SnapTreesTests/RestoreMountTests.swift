import Glibc
import SnapCore
import SnapIO
import SnapTrees
import TestSupport
import Testing

/// Targets that are, or hold, other file systems.
@Suite(.serialized, .enabled(if: isRoot, "skipped: not root")) struct RestoreMountTests {
    /// A small file system in memory, for as long as `body` runs.
    private func withMount(_ path: String, _ options: String, _ body: () throws -> Void) throws {
        path.makeDirectory()
        try #require(mount("tmpfs", path, "tmpfs", 0, options) == 0, "mount: \(String(cString: strerror(errno)))")
        defer { umount2(path, Int32(MNT_DETACH)) }
        try body()
    }

    @Test func `a full disk is named, and the next run goes on`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        // Each takes a page of 4 KiB, though its bytes are few.
        for number in 100..<500 {
            try "\(bench.source)/\(number)".write("\(number)" + String(repeating: "x", count: 100))
        }
        let manifest = try bench.capture(bench.source)
        try withMount(bench.target, "size=1m,mode=755") {
            let error = #expect(throws: StoreError.self) { try bench.restore(manifest) }
            #expect(error?.code == .outOfSpace, "\(String(describing: error))")
            #expect(error?.hint?.contains("gc") == false)
            #expect(bench.target.marker.exists)
            try #require(mount("tmpfs", bench.target, "tmpfs", UInt(MS_REMOUNT), "size=8m") == 0)
            let result = try bench.restore(manifest)
            #expect(result.keptFiles > 100)
            try TreeTools.expectEqual([(bench.source, bench.target)])
        }
    }

    @Test func `names on another file system are copies`() throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        for directory in ["", "/d"] { (bench.source + directory).makeDirectory() }
        try (bench.source + "/d/one").write("linked")
        link(bench.source + "/d/one", bench.source + "/two")
        let manifest = try bench.capture(bench.source)
        bench.target.makeDirectory()
        try withMount(bench.target + "/d", "size=1m") {
            let result = try bench.restore(manifest) { $0.overwrite = true }
            #expect(
                result.warnings.kept.map { "\($0.code) \(String(decoding: $0.path, as: UTF8.self))" } == ["link two"])
            #expect(try (bench.target + "/two").text() == "linked")
            #expect(try (bench.target + "/d/one").text() == "linked")
        }
    }

    @Test(arguments: [0, 1]) func `more files than the file system can hold are refused before any is written`(
        extra: Int
    ) throws {
        let bench = try RestoreBench(trees: "/dev/shm")
        bench.source.makeDirectory()
        for number in 0..<50 { try "\(bench.source)/\(number)".write("") }
        let manifest = try bench.capture(bench.source)
        // The top directory takes one, the marker another.
        try withMount(bench.target, "nr_inodes=\(52 - extra)") {
            if extra == 0 {
                try bench.restore(manifest)
                #expect(try Kernel.names(inDirectory: bench.target).count == 50)
            } else {
                let error = #expect(throws: StoreError.self) { try bench.restore(manifest) }
                #expect(error?.code == .outOfSpace)
                #expect(try Kernel.names(inDirectory: bench.target).isEmpty)
            }
        }
    }
}
