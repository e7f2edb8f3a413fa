import Glibc
import SnapIO
import TestSupport
import Testing

/// `export` and `import` with `--format tar`, and what they say.
@Suite struct TarCommandTests {
    private let directory = TemporaryDirectory(in: "/dev/shm")
    private let binary: SnapstoreBinary
    private var source: String { directory.file("source") }
    private var archive: String { directory.file("a.tar") }

    init() throws {
        binary = try SnapstoreBinary(store: directory.file("store"))
        try Kernel.makeParentDirectories(of: source + "/sub/x")
        try (source + "/a").write(Array("hello".utf8))
        try (source + "/sub/b").write([UInt8](repeating: 7, count: 100_000))
        #expect(link(source + "/a", source + "/sub/link") == 0)
        #expect(try binary.run("create", source, "x:1").status == 0)
    }

    private func summary(_ command: Command) -> String {
        command.output.split(separator: "\n").last.map(String.init) ?? ""
    }

    private func digest(_ reference: String) throws -> String {
        let text = try binary.run("get", reference, "--json").output
        return String(try #require(text.split(separator: "\"").first { $0.hasPrefix("sha256:") }))
    }

    @Test func `a snapshot goes out and comes back under another name`() throws {
        let export = try binary.run("export", "x:1", archive, "--format", "tar", "--json")
        #expect(export.status == 0)
        #expect(summary(export).hasPrefix("{\"type\":\"summary\",\"bytes\":"))
        #expect(summary(export).contains("\"entryCount\":5,"))
        let entries = try Command.run("/bin/tar", ["-tf", archive])
        #expect(entries.output == "./\n./a\n./sub/\n./sub/b\n./sub/link\n")
        let imported = try binary.run("import", archive, "y:2", "--format", "tar", "--json")
        #expect(imported.status == 0)
        #expect(summary(imported).contains("\"fileCount\":3,\"entryCount\":5,\"seconds\":"))
        #expect(try digest("y:2") == digest("x:1"))
    }

    @Test func `streams go through pipes`() throws {
        let pipe = """
            set -e
            "$0" export x:1 - --format tar --store "$1" | gzip > "$2.gz"
            zcat "$2.gz" | "$0" import - z:1 --format tar --store "$1"
            """
        let command = try Command.run("/bin/sh", ["-c", pipe, binary.path, binary.store, archive])
        #expect(command.status == 0, "\(command.errors)")
        #expect(try digest("z:1") == digest("x:1"))
        let compressed = try binary.run("import", archive + ".gz", "q:1", "--format", "tar")
        #expect(compressed.status == 2)
        #expect(compressed.errors.contains("zcat FILE | snapstore import - NAME:TAG --format tar"))
    }

    @Test func `what is asked for wrongly is usage`() throws {
        #expect(try binary.run("export", "x:1", archive, "--format", "zip").status == 2)
        #expect(try binary.run("export", "x:1", archive, "--format", "tar").status == 0)
        let unnamed = try binary.run("import", archive, "--format", "tar")
        #expect(unnamed.status == 2)
        #expect(unnamed.errors.contains("NAME:TAG"))
        let native = try binary.run("import", archive)
        #expect(native.status == 2)
        #expect(native.errors.contains("--format tar"))
        #expect(try binary.run("export", "x:1", directory.file("native")).status == 0)
        let other = try binary.run("import", directory.file("native"), "n:1", "--format", "tar")
        #expect(other.status == 2)
        #expect(other.errors.contains("Leave out --format tar"))
        #expect(try binary.run("export", "x:1", archive, "--format", "tar").status == 6)
    }

    @Test func `a damaged archive is corrupt and leaves nothing`() throws {
        #expect(try binary.run("export", "x:1", archive, "--format", "tar").status == 0)
        let bytes = try Kernel.readFile(archive, limit: 1 << 20)
        try archive.write(Array(bytes.prefix(50_000)))
        #expect(try binary.run("import", archive, "broken:1", "--format", "tar").status == 8)
        #expect(try binary.run("get", "broken:1").status == 4)
    }

    @Test func `sockets are warned of, on standard error when the archive goes to standard output`() throws {
        #expect(mknod(source + "/socket", S_IFSOCK | 0o600, 0) == 0)
        #expect(try binary.run("create", source, "s:1").status == 0)
        let command = try binary.run("export", "s:1", archive, "--format", "tar", "--json")
        #expect(command.status == 3)
        #expect(command.output.contains("\"type\":\"warning\",\"code\":\"unsupported\""))
        let stream = try Command.run(
            "/bin/sh",
            [
                "-c", #""$0" export s:1 - --format tar --json --store "$1" > "$2"; exit $?"#, binary.path,
                binary.store, archive + "2",
            ])
        #expect(stream.status == 3)
        #expect(stream.errors.contains("socket is a socket"))
        #expect(try Kernel.readFile(archive, limit: 1 << 20) == Kernel.readFile(archive + "2", limit: 1 << 20))
    }

    @Test(arguments: ["native", "tar"]) func `an archive is not written to a terminal`(format: String) throws {
        // script(1) runs the program with a terminal.
        let line = "'\(binary.path)' export x:1 - --format \(format) --store '\(binary.store)'"
        let command = try Command.run("/usr/bin/script", ["-qec", line, "/dev/null"])
        #expect(command.status == 2)
        #expect(command.output.contains("terminal"))
    }
}
