import TestSupport
import Testing

/// Words of the command line, right and wrong.
@Suite struct UsageTests {
    private static let mistakes = [
        ("snapstore crate root x", "There is no command `crate`.\nDid you mean `snapstore create`?"),
        ("snapstore help restor", "There is no command `restor`.\nDid you mean `snapstore restore`?"),
        ("snapstore --json lst", "There is no command `lst`.\nDid you mean `snapstore list`?"),
        ("snapstore frobnicate", "There is no command `frobnicate`.\nSee them with `snapstore --help`."),
        ("snapstore $'\\xffls'", "There is no command `\\xffls`."),
        ("snapstore ''", "There is no command ``."),
        ("snapstore --store x", "No command was given."),
        ("snapstore list --nmae x", "Unknown option '--nmae'. Did you mean '--name'?"),
        ("snapstore create root", "Missing expected argument '<reference>'"),
        ("snapstore list extra", "Unexpected argument 'extra'"),
        ("snapstore gc --grace soon", "The value 'soon' is invalid for '--grace <time>'"),
        ("snapstore gc --grace 99999999999999999d", "is invalid for '--grace <time>'"),
        ("snapstore fsck --sample 5", "The value '5' is invalid for '--sample <part>'"),
        ("snapstore restore x:1 out --jobs 0", "--jobs is 1 to 64."),
        ("snapstore fsck --adopt", "--adopt goes with --rebuild-catalog."),
        ("snapstore list --store ''", "The path given with --store is empty."),
        ("snapstore create '' x", "The path of the directory is empty."),
        ("snapstore create root X", "`X` is no snapshot name"),
        ("snapstore create root x:-", "has no valid tag"),
        ("snapstore create root other/x:1", "is a name of the organisation `other`, not of `local`."),
        ("snapstore create root x:1 --kind heap", "`heap` is no kind"),
        ("snapstore create root x:1 --kind directory --env A=1", "A directory has no configuration"),
        ("snapstore create root x:1 --platform linux", "`linux` is no platform"),
        ("snapstore create root x:1 --owner root", "\"root\" is no owner"),
        ("snapstore create root x:1 --mtime noon", "\"noon\" is no time"),
        ("snapstore create root x:1 --env A", "\"A\" sets no variable"),
        ("snapstore create root x:1 --label A=1", "`A=1` is no label"),
        ("snapstore create root x:1 --if-match 1", "`1` is neither a digest (sha256:…) nor none."),
        ("snapstore create root x:1 --engine fire", "describe a checkpoint: give its directory with --checkpoint."),
        ("snapstore create root x:1 --checkpoint root --kind directory", "A checkpoint has a kind of its own"),
        ("SOURCE_DATE_EPOCH=now snapstore create root x:1", "SOURCE_DATE_EPOCH is \"now\""),
        ("snapstore create root/etc/motd x", "root/etc/motd is no directory."),
        ("snapstore create /proc x", "belongs to the kernel's own file systems"),
        ("snapstore create /proc/self/fd x", "belongs to the kernel's own file systems"),
        ("snapstore create . x --store .", "is no store, and it is not empty"),
    ]

    @Test(arguments: [1, 2, 64]) func anyNumberOfJobsRestoresTheSame(_ jobs: Int) throws {
        let bench = try CommandBench()
        try bench.done(
            """
            mkdir t && (cd t && head -c 3M /dev/urandom | split -b 5K -a 4 - f) && snapstore create t j:1 -q
            snapstore restore j:1 out --jobs \(jobs) -q && diff -r t out
            """)
    }

    @Test func aMistakeIsNamed() throws {
        let bench = try CommandBench()
        for (script, message) in Self.mistakes {
            let run = try bench.shell(script)
            #expect(run.status == (message.contains("not empty") ? 6 : 2), "\(script): \(run.errors)")
            #expect(run.errors.contains(message), "\(script): \(run.errors)")
        }
        #expect(try bench.shell("snapstore get x:1").status == 4)
    }

    @Test func optionsOfEveryCommandMayStandAnywhere() throws {
        let bench = try CommandBench()
        let lines = try [
            "snapstore --store S create root a:1 --json", "snapstore --json create --store=S root a:1",
            "snapstore create --json root --store S a:1", "snapstore create root a:1 --store S --json",
            "snapstore --store=S --json -q save root a:1",
        ].map { try bench.summary($0)["digest"] as? String }
        #expect(Set(lines).count == 1 && lines[0] != nil)
        #expect(try bench.done("snapstore -q --store S create root b:1").isEmpty)
        #expect(try bench.done("snapstore --store S --version") == bench.done("snapstore --version"))
        // What follows -- is no option.
        #expect(try bench.shell("snapstore create --store S -- root --json").status == 2)
    }

    @Test func aRelativeStoreIsFoundFromWhereItIs() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q --store here/store/")
        #expect(try bench.done("cd root/etc && snapstore list --store ../../here/store").contains("a:1"))
        #expect(try bench.done("cd here && SNAPSTORE_STORE=store snapstore list").contains("a:1"))
        #expect(try bench.done("cd here/store && snapstore list --store .").contains("a:1"))
        #expect(try bench.done("cd here && snapstore list --store ./store//").contains("a:1"))
        // A directory that no text names.
        let run = try bench.shell("mkdir $'\\xfe' && cd $'\\xfe' && snapstore create ../root a:1 --store store")
        #expect(run.status == 2 && run.errors.contains("Give the path of the store from / on."), "\(run.errors)")
        try bench.done("cd $'\\xfe' && snapstore create . here:1 -q")
    }

    @Test func theStoreIsWhereTheEnvironmentSays() throws {
        let bench = try CommandBench()
        func place(_ variables: String) throws -> String {
            try bench.shell("env -u SNAPSTORE_STORE -u HOME -u XDG_DATA_HOME \(variables) snapstore list").errors
        }
        let path = bench.directory.path
        #expect(try place("SNAPSTORE_STORE=s").contains("no store at \(path)/s."))
        #expect(try place("XDG_DATA_HOME=/nowhere HOME=/home").contains("no store at /nowhere/snapstore."))
        // A relative one is ignored, as its specification wants.
        #expect(try place("XDG_DATA_HOME=data HOME=/home").contains("no store at /home/.local/share/snapstore."))
        #expect(try place("HOME=/home").contains("no store at /home/.local/share/snapstore."))
        #expect(try place("").hasPrefix("snapstore: Nothing says where the store is: HOME is not set."))
        #expect(try bench.shell("env -u SNAPSTORE_STORE -u HOME snapstore list").status == 2)
    }

    @Test func namesAreBytes() throws {
        let bench = try CommandBench()
        try bench.done(
            "mkdir $'\\xffd' && echo text >$'\\xffd/\\xfe' && mkdir -p sub/$'\\xffd' && echo 1 >sub/$'\\xffd/x'")
        try bench.done("snapstore create $'\\xffd' a:1 -q && snapstore create sub b:1 -q --exclude $'\\xfex'")
        #expect(try bench.done("snapstore cat a:1 $'\\xfe'") == "text\n")
        #expect(try bench.done("snapstore ls b:1 $'/\\xffd'").hasSuffix(" x\n"))
        #expect(try bench.done("snapstore ls b:1").hasSuffix(" \\xffd\n"))
        #expect(try bench.done("snapstore diff a:1 $'\\xffd'") == "No differences\n")
        try bench.done("snapstore restore b:1 out --path=$'\\xffd' -q && test -e out/x")
        try bench.done("snapstore create sub c:1 -q --exclude=$'\\xffd' && test -z \"$(snapstore ls c:1)\"")
        try bench.done(
            "snapstore create sub d:1 -q --env A=$'\\xff' --workdir $'/\\xfe' --user $'\\xfd' --entrypoint $'\\xfc'")
        let config = try #require(bench.summary("snapstore get d:1 --json")["config"] as? [String: Any])
        #expect(config["env"] as? [[String]] == [["A", "\\xff"]] && config["workdir"] as? String == "/\\xfe")
        #expect(config["user"] as? String == "\\xfd" && config["entrypoint"] as? [String] == ["\\xfc"])
        // A name that looks like what the bytes are turned into on their way.
        try bench.done(
            "mkdir $'\\U10feff' && echo 2 >$'\\U10feff/y' && snapstore create $'\\U10feff' e:1 -q && snapstore cat e:1 y"
        )
    }

    private static let withoutText = [
        "restore a:1 $'\\xffout'", "get $'a\\xff'", "create root b:1 --label a=$'\\xff'", "list --name $'\\xff'",
        "tag a:1 $'b\\xff'", "delete $'\\xff' --yes", "create root $'b\\xff'", "diff $'\\xff' root",
        "list --store=$'\\xff'", "create root b:1 --env-file $'\\xff'",
    ]

    @Test func bytesThatAreNoTextAreRefusedByName() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q")
        for command in Self.withoutText {
            let run = try bench.shell("snapstore \(command)")
            #expect(run.status == 2, "\(command)")
            #expect(
                run.errors.hasPrefix("snapstore: The argument `") && run.errors.contains("\\xff")
                    && run.errors.contains("` is not UTF-8."), "\(command): \(run.errors)")
        }
        #expect(try bench.done("ls") == "root\nstore\n")
    }

    @Test func theStoreInTheTreeIsLeftOut() throws {
        let bench = try CommandBench()
        let run = try bench.shell("snapstore create . all:1")
        #expect(run.status == 0 && run.errors.contains("The store lies in the tree, at store, and was left out."))
        #expect(try !bench.done("snapstore ls all:1").contains(" store\n"))
        let itself = try bench.shell("snapstore create store all:2")
        #expect(itself.status == 2 && itself.errors.contains("The directory to capture is the store itself"))
    }
}
