import SnapIO
import TestSupport
import Testing

/// `cp`, against `cp -a` and the clock.
@Suite struct CopyTests {
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done(
            """
            cd root && ln -s motd etc/link && mkfifo -m 640 etc/pipe && chmod 2750 etc/ssl && chmod 4711 usr/bin/tool \
            && ln usr/bin/tool usr/bin/second && ln usr/bin/tool elsewhere && mkdir -m 555 locked && touch -d @12345.678 etc/motd \
            && printf x >a:b && touch -d @99 etc && cd .. && snapstore create root a:1 -q && snapstore create root a -q
            """)
        return bench
    }

    /// Names, types, modes, owners, times and link counts; of a directory made in `there`.
    private static func listing(_ path: String, _ bench: CommandBench) throws -> String {
        try bench.done(
            #"cd \#(path) && find . -printf '%P %y %m %U:%G %T@ %l\n' | sort && find . -type f | sort | xargs -r cksum"#
        )
    }

    @Test func aDirectoryIsCopiedAsCpDoesIt() throws {
        let bench = try Self.makeBench()
        for path in ["etc", "usr", "etc/ssl", "locked"] {
            try bench.done("rm -rf ours theirs && mkdir ours theirs && snapstore cp a:1:\(path) ours -q")
            try bench.done("cp -a root/\(path) theirs/ && touch -r theirs ours")
            #expect(try Self.listing("ours", bench) == Self.listing("theirs", bench), "\(path)")
            // Under a name that is not there.
            let name = path.split(separator: "/").last ?? ""
            let summary = try bench.summary("snapstore cp a:1:/\(path)/ ours/other --json")
            #expect(summary["path"] as? String == "ours/other")
            #expect(try Self.listing("ours/other", bench) == Self.listing("theirs/\(name)", bench), "\(path)")
        }
        // Hard links within what is copied.
        #expect(try bench.done("snapstore cp a:1:usr/bin bin -q && stat -c %h bin/tool bin/second") == "2\n2\n")
        #expect(try bench.done("find . -name '.snapstore*'").isEmpty)
    }

    @Test func aFileIsCopiedWithItsMetadata() throws {
        let bench = try Self.makeBench()
        try bench.done("mkdir there && snapstore cp a:1:etc/motd there -q && snapstore cp a:1:etc/motd name -q")
        for name in ["there/motd", "name"] {
            try bench.done("cmp \(name) root/etc/motd")
            #expect(
                try bench.done("stat -c '%a %u:%g %.Y' \(name)") == bench.done("stat -c '%a %u:%g %.Y' root/etc/motd"))
        }
        try bench.done("snapstore cp a:1:etc/link l -q && snapstore cp a:1:etc/pipe p -q && test -p p && test -L l")
        // Set-user-id survives, unless it is not trusted.
        let isRoot = Kernel.isRoot
        if isRoot { #expect(try bench.done("snapstore cp a:1:usr/bin/tool t -q && stat -c %a t") == "4711\n") }
        #expect(try bench.shell("snapstore cp a:1:usr/bin/tool u -q --untrusted; stat -c %a u").output == "711\n")
        #expect(try bench.shell("snapstore cp a:1:usr/bin/tool v --untrusted").status == 3)
    }

    @Test(arguments: [
        ("a:1:a:b", "x"), ("a:latest:a:b", "x"), ("a:etc/motd", "hello\n"), ("local/a:1:./etc//motd", "hello\n"),
    ]) func theLongestReferenceIsTheReference(_ source: String, _ content: String) throws {
        let bench = try Self.makeBench()
        #expect(try bench.done("snapstore cp \(source) out -q && cat out") == content)
    }

    @Test func digestsAreReferencesToo() throws {
        let bench = try Self.makeBench()
        let digest = try bench.digest("a:1")
        for reference in [digest, "a:1@\(digest)", String(digest.dropFirst(7).prefix(12))] {
            #expect(try bench.done("snapstore cp \(reference):etc/motd out --overwrite -q && cat out") == "hello\n")
        }
        try bench.done(
            "snapstore cp a:1: whole -q && diff -r --no-dereference root/etc/ssl whole/etc/ssl && test -d whole/usr")
    }

    @Test func whatIsThereStaysUnlessAsked() throws {
        let bench = try Self.makeBench()
        try bench.done("mkdir -p d/etc d/motd && echo mine >d/etc/mine && echo old >file && ln -s nowhere dangling")
        for script in ["a:1:etc d", "a:1:etc/motd file", "a:1:etc/motd dangling", "a:1:etc/motd d", "a:1: d"] {
            let run = try bench.shell("snapstore cp \(script)")
            #expect(run.status == 6 && run.errors.contains("exists."), "\(script): \(run.errors)")
        }
        #expect(try bench.done("cat file d/etc/mine; readlink dangling") == "old\nmine\nnowhere\n")
        // A directory never gives way to a file.
        #expect(try bench.shell("snapstore cp a:1:etc/motd d --overwrite").status == 6)
        try bench.done("snapstore cp a:1:etc/motd file --overwrite -q && cmp file root/etc/motd")
        try bench.done("snapstore cp a:1:etc/motd dangling --overwrite -q && test ! -L dangling && test ! -e nowhere")
        try bench.done("snapstore cp a:1:etc d --overwrite -q && test ! -e d/etc/mine && cmp d/etc/motd root/etc/motd")
        #expect(try bench.done("find . -name '.snapstore*'").isEmpty)
    }

    @Test(
        arguments: [
            ("a:1:nowhere out", 4), ("b:1:etc out", 4), ("a:1:etc no/such/place", 4), ("a:1:etc/motd out/", 4),
            ("a out", 2),
            ("'' out", 2), ("a:1:etc ''", 2), ("A:etc out", 2), ("a:1: .", 2), ("a:1:etc root/etc/motd/x", 4),
        ] as [(String, Int32)]) func whatCannotBeCopiedLeavesNothing(_ arguments: String, _ status: Int32) throws
    {
        let bench = try Self.makeBench()
        let run = try bench.shell("snapstore cp \(arguments)")
        #expect(run.status == status && !run.errors.isEmpty, "\(arguments): \(run.errors)")
        #expect(try bench.done("ls -A") == "root\nstore\n", "\(arguments)")
    }

    @Test func aCopyThatFailsHalfwayLeavesNothing() throws {
        let bench = try Self.makeBench()
        try bench.done("rm store/packs/local/*/*.pack")
        #expect(try bench.shell("snapstore cp a:1:usr out").status == 8)
        #expect(try bench.done("ls -A") == "root\nstore\n")
        try bench.expectNoSession()
    }
}

extension CommandBench {
    fileprivate func expectNoSession() throws {
        #expect(try summary("snapstore stats --json")["sessions"] as? Int == 0)
    }
}
