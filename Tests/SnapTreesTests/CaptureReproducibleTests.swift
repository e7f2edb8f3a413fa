import Glibc
import SnapCore
import SnapIO
import SnapModel
import SnapTrees
import Testing

@Suite struct CaptureReproducibleTests {
    private func fill(_ fixture: CaptureFixture, _ order: [Int]) throws {
        fixture.makeDirectory("d")
        for index in order {
            try fixture.write("f\(index)", patternBytes(index * 3000, seed: UInt64(index)))
            try fixture.write("d/g\(index)", patternBytes(index * 10, seed: UInt64(index)))
        }
        symlink("f1", fixture.at("link"))
        link(fixture.at("f2"), fixture.at("d/hard"))
    }

    /// Made in another order, so with other inodes, on another file system, at another time.
    @Test(arguments: ["/tmp", "/dev/shm"]) func `the same tree has the same digest wherever it lies`(parent: String)
        throws
    {
        guard access(parent, W_OK) == 0 else { return }
        let (one, two) = (try CaptureFixture(), try CaptureFixture(in: parent))
        try fill(one, Array(1...9))
        try fill(two, Array((1...9).reversed()))
        chmod(one.tree, 0o755)
        chmod(two.tree, 0o755)
        let fixed: (inout CaptureOptions) -> Void = {
            $0.times = .set(Timestamp(seconds: 1_000_000, nanoseconds: 0))
            $0.owner = OwnerOverride(uid: 0, gid: 0)
        }
        #expect(try one.capture(fixed).1.manifest == two.capture(fixed).1.manifest)
        #expect(try one.capture().1.manifest == one.capture().1.manifest)
        chmod(two.at("f3"), 0o600)
        #expect(try one.capture(fixed).1.manifest != two.capture(fixed).1.manifest)
    }

    @Test(.enabled(if: access("/dev/shm", W_OK) == 0)) func `a faithful copy has the same digest`() throws {
        let (one, two) = (try CaptureFixture(), try CaptureFixture(in: "/dev/shm"))
        try fill(one, Array(1...9))
        #expect(CaptureFixture.run("cp", "-a", one.tree + "/.", two.tree))
        #expect(try one.capture().1.manifest == two.capture().1.manifest)
    }

    @Test func `times are kept, set or clamped`() throws {
        let fixture = try CaptureFixture()
        let directory = try Kernel.open(fixture.tree, [.readOnly, .directory])
        for (name, seconds) in [("old", Int64(100)), ("new", 2_000_000_000)] {
            try fixture.write(name, name)
            try Kernel.changeTimes(in: directory, Array(name.utf8), seconds: seconds, nanoseconds: 5)
        }
        func times(_ policy: TimePolicy) throws -> [Timestamp] {
            let (tree, _) = try fixture.capture { $0.times = policy }
            return try ["old", "new"].map { try tree.entry($0).metadata.modified }
        }
        let (old, new) = (Timestamp(seconds: 100, nanoseconds: 5), Timestamp(seconds: 2_000_000_000, nanoseconds: 5))
        let limit = Timestamp(seconds: 1000, nanoseconds: 0)
        #expect(try times(.keep) == [old, new])
        #expect(try times(.parse("@1000")) == [limit, limit])
        #expect(try times(.parse(sourceDateEpoch: "1000")) == [old, limit])
        #expect(try times(.parse("EPOCH")) == Array(repeating: Timestamp(seconds: 0, nanoseconds: 0), count: 2))
        for text in ["", "@", "@x", "1000", "epoch", "@1.5", "@99999999999999999999"] {
            #expect(throws: FormatError.self) { try TimePolicy.parse(text) }
        }
        #expect(throws: FormatError.self) { try TimePolicy.parse(sourceDateEpoch: "-1") }
    }

    @Test func `owners can be replaced`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", "a")
        let (tree, _) = try fixture.capture { $0.owner = OwnerOverride(uid: 7, gid: 8) }
        for metadata in [tree.root.metadata, try tree.entry("a").metadata] {
            #expect(metadata.uid == 7 && metadata.gid == 8)
        }
        #expect(try OwnerOverride.parse("0:4294967294") == OwnerOverride(uid: 0, gid: .max - 1))
        for text in ["", "0", "0:", ":0", "0:0:0", "root:root", "0:4294967295", "-1:0"] {
            #expect(throws: FormatError.self) { try OwnerOverride.parse(text) }
        }
    }

    @Test func `the manifest carries configuration and platform`() throws {
        let fixture = try CaptureFixture()
        var environment = EnvironmentList()
        try environment.add(assignment: Array("A=1".utf8))
        try environment.add(file: Array("# comment\n\nB=two words \"quoted\"\r\n  A=3\nC=\nD=x=y".utf8))
        let (tree, result) = try fixture.capture {
            $0.kind = .filesystem
            $0.config.environment = environment.variables
            $0.config.entrypoint = [Array("/bin/sh".utf8)]
            $0.config.user = Array("1000:1000".utf8)
            $0.config.workingDirectory = Array("/srv".utf8)
            $0.platform = Manifest.Platform(architecture: "amd64", os: "linux")
        }
        #expect(result.kind == .filesystem && tree.manifest.kind == .filesystem)
        let variables = tree.manifest.config.environment.map {
            String(decoding: $0.name, as: UTF8.self) + "=" + String(decoding: $0.value, as: UTF8.self)
        }
        #expect(variables == ["A=3", "B=two words \"quoted\"", "C=", "D=x=y"])
        #expect(tree.manifest.config.entrypoint == [Array("/bin/sh".utf8)])
        #expect(tree.manifest.platform == Manifest.Platform(architecture: "amd64", os: "linux"))
    }

    @Test(arguments: ["novalue", "=x", "A\0=b"]) func `an env file with a bad line says which`(line: String) throws {
        var environment = EnvironmentList()
        let error = #expect(throws: FormatError.self) { try environment.add(file: Array("A=1\n\(line)\n".utf8)) }
        #expect(error?.message.contains("Line 2") == true)
    }
}
