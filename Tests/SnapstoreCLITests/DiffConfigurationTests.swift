import TestSupport
import Testing

/// What two snapshots of one tree can differ in.
@Suite struct DiffConfigurationTests {
    /// Options of the one and the other, and what `diff` says of it.
    private static let cases: [(String, String, String)] = [
        ("--env A=1", "--env A=1", "No differences\n"),
        ("--env A=1", "--env A=2", "M config env A=2  (was 1)\n0 added, 0 removed, 1 changed\n"),
        ("--env A=1", "--env A=1 --env B='x y'", "+ config env B=x y\n1 added, 0 removed, 0 changed\n"),
        ("--env A=1 --env B=2", "--env B=2", "- config env A=1\n0 added, 1 removed, 0 changed\n"),
        (
            "--env A=1 --env B=2", "--env B=2 --env A=1",
            "M config env-order B A  (was A B)\n0 added, 0 removed, 1 changed\n"
        ),
        ("--workdir /", "--workdir /x", "M config workdir /x  (was /)\n0 added, 0 removed, 1 changed\n"),
        ("--env A=1", "--env A=1 --user u", "+ config user u\n1 added, 0 removed, 0 changed\n"),
        (
            "--entrypoint /init", "--entrypoint /init --entrypoint=-v",
            "M config entrypoint /init -v  (was /init)\n0 added, 0 removed, 1 changed\n"
        ),
        (
            "--platform linux/amd64", "--platform linux/arm64",
            "M config platform linux/arm64  (was linux/amd64)\n0 added, 0 removed, 1 changed\n"
        ),
        (
            "--kind directory", "--kind filesystem --platform linux/amd64",
            "M config kind filesystem  (was directory)\n+ config platform linux/amd64\n1 added, 0 removed, 1 changed\n"
        ),
    ]

    @Test(arguments: cases) func differencesOfTheConfigurationAreShown(_ old: String, _ new: String, _ said: String)
        throws
    {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q \(old) && snapstore create root a:2 -q \(new)")
        #expect(try bench.done("snapstore diff a:1 a:2") == said)
        #expect(try (bench.digest("a:1") == bench.digest("a:2")) == (said == "No differences\n"))
        // A directory has no configuration.
        #expect(try bench.done("snapstore diff a:2 ./root") == "No differences\n")
    }

    @Test func differencesOfHardLinksAreShown() throws {
        let bench = try CommandBench()
        try bench.done(
            """
            mkdir t && cd t && for n in a b c d e f g h; do printf same >$n; touch -d @5 $n; done; touch -d @5 .; cd ..
            cp -a t t1 && cp -a t t2
            ln -f t1/a t1/b; ln -f t1/c t1/d; ln -f t1/e t1/f; touch -d @5 t1
            ln -f t2/a t2/b; ln -f t2/c t2/d; ln -f t2/c t2/e; ln -f t2/g t2/h; touch -d @5 t2
            for n in 1 2; do snapstore create t$n t:$n -q; done; snapstore create t t:0 -q
            """)
        let said = """
            M hard links c = d = e
            - hard links e = f
            + hard links g = h
            1 added, 1 removed, 1 changed

            """
        #expect(try bench.done("snapstore diff t:1 t:2") == said)
        #expect(try bench.done("snapstore diff t:1 ./t2") == said)
        #expect(try bench.done("snapstore diff t:0 t:1").contains("3 added, 0 removed, 0 changed"))
        #expect(try bench.done("snapstore diff t:2 t:0").contains("0 added, 3 removed, 0 changed"))
        #expect(try bench.done("snapstore diff t:2 ./t").contains("0 added, 3 removed, 0 changed"))
        for same in ["t:1 t:1", "t:2 ./t2", "t:0 ./t"] {
            #expect(try bench.done("snapstore diff \(same)") == "No differences\n", "\(same)")
        }
        let items = try bench.lines("snapstore diff t:1 t:2 --json").filter { $0["kind"] as? String == "hard-links" }
        #expect(items.count == 3 && items.last?["paths"] as? [String] == ["g", "h"])
    }
}
