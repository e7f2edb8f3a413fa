import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// Random trees through archives of ours and of GNU tar, judged by programs that know nothing of snapstore. Needs root,
/// to make and compare devices, owners and attributes.
@Suite(.enabled(if: isRoot, "skipped: not root")) struct TarRoundTripTests {
    /// A directory with a random tree in it.
    private struct Bench {
        let directory = TemporaryDirectory()
        var tree: String { directory.file("tree") }
        var archive: String { directory.file("archive.tar") }

        init(_ seed: UInt64, entries: Int = 150, withoutSockets: Bool = false, deep: Bool = false) throws {
            try run(
                "/usr/bin/env",
                ["python3", checkout + "/tools/make_tree.py", String(seed), tree, "--entries", String(entries)]
                    + (deep ? ["--deep"] : []))
            if withoutSockets { try run("/usr/bin/find", [tree, "-type", "s", "-delete"]) }
        }

        @discardableResult
        func run(_ program: String, _ arguments: [String], _ place: SourceLocation = #_sourceLocation) throws -> Command
        {
            let command = try Command.run(program, arguments)
            #expect(
                command.status == 0,
                "\(program) \(arguments): \(command.output.suffix(2000))\(command.errors.suffix(2000))",
                sourceLocation: place)
            return command
        }

        func capture() throws -> (MemorySink, CaptureResult) {
            let sink = MemorySink()
            return (sink, try Capture(sink: sink, options: CaptureOptions(kind: .directory)).run(directory: tree))
        }

        /// Writes the archive of a capture.
        func export(_ sink: MemorySink, _ manifest: Digest) throws {
            try archive.write(try exportTar(sink, manifest).0)
        }

        /// Imports the archive and restores it.
        func importAndRestore(into name: String) throws -> CaptureResult {
            let sink = MemorySink()
            let file = try Kernel.open(archive, .readOnly)
            let result = try TarImport(sink: sink, scratch: scratchFile).run { try Kernel.readSome(file, into: $0) }
            let restored = try Restore(load: sink.load).run(manifest: result.manifest, into: directory.file(name))
            #expect(restored.warnings.isEmpty)
            return result
        }

        func compare(_ other: String, _ options: [String] = [], _ place: SourceLocation = #_sourceLocation) throws {
            try run(
                "/usr/bin/env",
                ["python3", checkout + "/tools/compare_trees.py", tree, directory.file(other)] + options, place)
        }

        func tar(_ arguments: [String], _ place: SourceLocation = #_sourceLocation) throws {
            try run("/bin/tar", arguments, place)
        }
    }

    private static let tarOptions = [
        "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--warning=no-timestamp",
        "--warning=no-unknown-keyword", "--warning=no-file-ignored",
    ]

    private static func seeds() -> [UInt64] {
        var generator = SeededGenerator(seed: TestScale.seed("tar round trip"))
        return (0..<(3 * TestScale.factor)).map { _ in UInt64.random(in: 0..<1 << 40, using: &generator) }
    }

    @Test(arguments: seeds()) func `an archive has the tree but its sockets, as Python reads it`(seed: UInt64) throws {
        let bench = try Bench(seed)
        let (sink, captured) = try bench.capture()
        try bench.export(sink, captured.manifest)
        let check = try bench.run(
            "/usr/bin/env", ["python3", checkout + "/Tests/Golden/tar_check.py", bench.archive, bench.tree])
        #expect(check.output.hasSuffix(" members, 0 differences\n"))
    }

    @Test(arguments: seeds()) func `GNU tar unpacks an archive to the tree that it is of`(seed: UInt64) throws {
        let bench = try Bench(seed, withoutSockets: true)
        let (sink, captured) = try bench.capture()
        try bench.export(sink, captured.manifest)
        mkdir(bench.directory.file("out"), 0o700)
        try bench.tar(Self.tarOptions + ["-C", bench.directory.file("out"), "-xpf", bench.archive])
        // Zeros of less than 64 KiB are data in a snapshot, and written out.
        try bench.compare("out", ["--ignore-blocks"])
    }

    @Test(arguments: seeds()) func `a snapshot comes back from its archive as the same`(seed: UInt64) throws {
        let bench = try Bench(seed, withoutSockets: true, deep: true)
        let (sink, captured) = try bench.capture()
        let (archive, exported) = try exportTar(sink, captured.manifest)
        #expect(exported.warnings.isEmpty)
        let (_, imported) = try importTar(archive, memoryBytesMax: 50_000)
        #expect(imported.manifest == captured.manifest)
        #expect(imported.counts.entries == captured.counts.entries)
        #expect(imported.fileCount == captured.fileCount)
        #expect(imported.logicalBytes == captured.logicalBytes)
        #expect(imported.chunkCount == captured.chunkCount)
    }

    @Test(arguments: seeds()) func `an archive of GNU tar restores as the tree that it is of`(seed: UInt64) throws {
        let bench = try Bench(seed, withoutSockets: true)
        // Links of nodes are not links in its archives.
        try bench.run("/usr/bin/find", [bench.tree, "-type", "b,c,p", "-links", "+1", "-delete"])
        try bench.tar(Self.tarOptions + ["--format=pax", "--sparse", "-C", bench.tree, "-cf", bench.archive, "."])
        let result = try bench.importAndRestore(into: "restored")
        #expect(result.warnings.isEmpty)
        #expect(result.notices.isEmpty)
        try bench.compare("restored")
    }

    @Test(arguments: ["gnu", "oldgnu", "ustar", "v7", "pax --sparse-version=0.0", "pax --sparse-version=0.1"])
    func `every format of GNU tar is read`(format: String) throws {
        let bench = try Bench(3, entries: 1)
        let isShort = format == "ustar" || format == "v7"
        let name = { (length: Int) in String(repeating: "n", count: length) }
        for path in ["a", "d/\(name(90))", isShort ? "d/x" : "\(name(200))/\(name(200))"] {
            let full = bench.tree + "/" + path
            try Kernel.makeParentDirectories(of: full)
            try full.write(patternBytes(path.count * 100))
            link(full, full + (isShort ? "l" : ".link"))
        }
        symlink(name(isShort ? 90 : 300), bench.tree + "/symlink")
        for index in 0..<(isShort ? 0 : 3) {
            let file = try Kernel.open(bench.tree + "/sparse\(index)", [.writeOnly, .create])
            for part in 0..<(index * 30) {
                try patternBytes(4096).withUnsafeBytes { try Kernel.write(file, $0, at: UInt64(part) << 17) }
            }
            try Kernel.truncate(file, to: 9_000_001)
        }
        if format != "v7" { mknod(bench.tree + "/device", S_IFCHR | 0o600, makeDevice(1, 3)) }
        // These formats have whole seconds.
        try bench.run("/usr/bin/find", [bench.tree, "-exec", "touch", "-h", "-d", "@1700000000", "{}", "+"])
        try bench.tar(
            ["--format=" + format.prefix { $0 != " " }] + format.split(separator: " ").dropFirst().map(String.init)
                + (isShort ? [] : ["--sparse"]) + ["-C", bench.tree, "-cf", bench.archive, "."])
        _ = try bench.importAndRestore(into: "restored")
        try bench.compare("restored")
    }

    private func makeDevice(_ major: UInt64, _ minor: UInt64) -> dev_t { dev_t(major << 8 | minor) }
}
