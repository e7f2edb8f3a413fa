import Foundation
import SnapIO
import TestSupport
import Testing

/// `config`, and whether what is set has its effect: an option before the environment, that before the file, that before
/// the default.
@Suite struct ConfigTests {
    /// Shell in which the configuration is `c/config`, and no store is named.
    private static let environment = "unset SNAPSTORE_STORE; export SNAPSTORE_CONFIG=$PWD/c/config HOME=$PWD/home"

    private func value(_ bench: CommandBench, _ key: String, _ environment: String = "") throws -> [String] {
        let items = try bench.lines("\(Self.environment) \(environment); snapstore config --json")
        let item = items.first { $0["key"] as? String == key }
        return [item?["value"] as? String ?? "", item?["source"] as? String ?? ""]
    }

    @Test func theStoreIsWhereTheFirstOfFourSays() throws {
        let bench = try CommandBench()
        func place(_ command: String) throws -> String {
            try bench.shell("\(Self.environment); \(command)").errors
        }
        let path = bench.directory.path
        #expect(try place("snapstore list").contains("no store at \(path)/home/.local/share/snapstore."))
        #expect(try value(bench, "store") == ["\(path)/home/.local/share/snapstore", "default"])
        try bench.done("\(Self.environment); snapstore config set store stores/one")
        #expect(try bench.done("cat c/config") == "store = \(path)/stores/one\n")
        #expect(try place("snapstore list").contains("no store at \(path)/stores/one."))
        #expect(try value(bench, "store") == ["\(path)/stores/one", "file"])
        #expect(try place("SNAPSTORE_STORE=/two snapstore list").contains("no store at /two."))
        #expect(try value(bench, "store", "SNAPSTORE_STORE=/two") == ["/two", "environment"])
        #expect(try place("SNAPSTORE_STORE=/two snapstore list --store /three").contains("no store at /three."))
        let option = try bench.lines("\(Self.environment) SNAPSTORE_STORE=/two; snapstore config --store /three --json")
        #expect(option.contains { $0["value"] as? String == "/three" && $0["source"] as? String == "option" })
        // And really there.
        try bench.done("\(Self.environment); snapstore create root a:1 -q && test -e stores/one/FORMAT")
        try bench.done(
            "echo 'store = ~/four' >c/config; \(Self.environment)\nsnapstore create root a:1 -q && test -e home/four")
        try bench.done("\(Self.environment); snapstore config unset store && test ! -s c/config")
        #expect(try value(bench, "store")[1] == "default")
    }

    @Test func theGraceIsWhatTheFirstOfFourSays() throws {
        let bench = try CommandBench()
        try bench.done("head -c 500K /dev/urandom >root/big && snapstore create root a:1 -q && snapstore delete a:1 -q")
        let environment = "export SNAPSTORE_CONFIG=$PWD/c/config"
        func frees(_ command: String) throws -> Bool {
            (try bench.summary("\(environment); \(command) --dry-run --json")["deletedObjects"] as? Int ?? 0) > 0
        }
        #expect(try !frees("snapstore gc"))
        #expect(try value(bench, "gc.grace") == ["24h", "default"])
        try bench.done("\(environment); snapstore config set gc.grace 0")
        #expect(try frees("snapstore gc") && value(bench, "gc.grace") == ["0", "file"])
        #expect(try !frees("SNAPSTORE_GC_GRACE=1h snapstore gc"))
        #expect(try value(bench, "gc.grace", "SNAPSTORE_GC_GRACE=1h") == ["1h", "environment"])
        #expect(try frees("SNAPSTORE_GC_GRACE=1h snapstore gc --grace 0"))
        try bench.done("\(environment); snapstore config set gc.grace 7d")
        #expect(try !frees("snapstore gc") && frees("snapstore gc --grace 0"))
    }

    @Test(
        arguments: [
            ("config set gc.grce 1h", "There is no setting `gc.grce`.\nDid you mean `gc.grace`?"),
            ("config get stor", "There is no setting `stor`.\nDid you mean `store`?"),
            ("config unset nothing", "There is no setting `nothing`.\nThere are: gc.grace, progress, remote, store."),
            ("config set gc.grace soon", "gc.grace: `soon` is no span of time.\nSuch as 0, 30m, 24h or 7d."),
            ("config set progress yess", "progress: `yess` is neither yes nor no.\nDid you mean `yes`?"),
            ("config set store ''", "store: the path is empty."),
            ("config set store $'a\\nb'", "The value of `store` has more than one line."),
            ("confg", "There is no command `confg`.\nDid you mean `snapstore config`?"),
            (
                "config sett store x",
                "There is no `snapstore config` command `sett`.\nDid you mean `snapstore config set`?"
            ),
            ("config get", "Missing expected argument '<key>'"),
        ])
    func aMistakeIsNamed(_ command: String, _ message: String) throws {
        let bench = try CommandBench()
        let run = try bench.shell("\(Self.environment); snapstore \(command)")
        #expect(run.status == 2 && run.errors.contains(message), "\(command): \(run.errors)")
        #expect(try bench.done("ls").contains("c\n") == false, "\(command)")
    }

    @Test(
        arguments: [
            ("gc.grce = 1h", "line 3: There is no setting `gc.grce`.\nDid you mean `gc.grace`?"),
            ("gc.grace = soon", "line 3: `soon` is no span of time."),
            ("progress", "line 3 is not of the form `key = value`."),
            ("store = relative", "the path `relative` begins neither with / nor with ~/."),
            ("progress = no\nprogress = yes", "line 4: `progress` is set twice."),
            ("progress = \\e[31m", "line 3: `\\x1b[31m` is neither yes nor no."),
            ("\\xff", "is not a text of less than 64 KiB."),
        ])
    func aMistakeInTheFileStopsEveryCommand(_ line: String, _ message: String) throws {
        let bench = try CommandBench()
        try bench.done("mkdir c && printf '# mine\\n\\n\(line)\\n' >c/config && cp c/config was")
        for command in ["list --store s", "gc --store s", "config", "config get progress", "create root a:1 --store s"]
        {
            let run = try bench.shell("\(Self.environment); snapstore \(command)")
            #expect(run.status == 2 && run.errors.contains(message), "\(command): \(run.errors)")
        }
        #expect(
            try bench.done("test ! -e s && cmp c/config was && \(Self.environment); snapstore config path").hasSuffix(
                "c/config\n"))
    }

    @Test func aFileIsChangedWithoutLosingWhatElseIsInIt() throws {
        let bench = try CommandBench()
        try bench.done(
            "mkdir c && printf '# why\\n  progress=no  \\n\\ngc.grce = 1\\nprogress = yes\\n' >c/real && ln -s real c/config"
        )
        try bench.done("\(Self.environment); snapstore config set progress yes && snapstore config set gc.grace 1h -q")
        #expect(try bench.done("cat c/real") == "# why\nprogress = yes\n\ngc.grce = 1\ngc.grace = 1h\n")
        #expect(try bench.done("readlink c/config") == "real\n")
        let none = try bench.shell("\(Self.environment); snapstore config unset store")
        #expect(none.status == 4 && none.errors.contains("does not set `store`."))
        try bench.done("\(Self.environment); sed -i /grce/d c/real; snapstore config unset progress")
        #expect(try bench.done("\(Self.environment); snapstore config get gc.grace") == "1h\n")
        #expect(try bench.done("\(Self.environment); snapstore config get progress") == "yes\n")
        // Several at once lose nothing.
        try bench.done(
            """
            \(Self.environment); rm c/config
            for i in 1 2 3 4 5; do snapstore config set gc.grace ${i}h -q & snapstore config set progress no -q & done; wait
            """)
        #expect(try bench.done("sort c/config").contains(/^gc\.grace = \dh\nprogress = no\n$/))
    }

    /// At each of its durable operations, `kill -9` leaves the old file or the new one.
    @Test func aCutLeavesTheFileWhole() throws {
        let bench = try CommandBench()
        var gate = 0
        while gate < 50 {
            gate += 1
            let run = try bench.shell(
                """
                \(Self.environment); rm -rf c; snapstore config set gc.grace 1h -q
                SNAPSTORE_KILL_AT_GATE=\(gate) snapstore config set gc.grace 2h -q && exit 0
                snapstore config get gc.grace; snapstore config set gc.grace 3h -q && snapstore config get gc.grace; exit 137
                """)
            if run.status == 0 { break }
            #expect(["1h\n3h\n", "2h\n3h\n"].contains(run.output), "gate \(gate): \(run.output)\(run.errors)")
        }
        #expect(gate > 4 && gate < 50)
    }

    @Test func aHomeThatIsNotOursIsNoMistake() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q")
        for home in ["/dev/null", "/nowhere", ""] {
            try bench.done("unset XDG_CONFIG_HOME; HOME=\(home) snapstore list -q")
        }
        let run = try bench.shell("unset XDG_CONFIG_HOME HOME; snapstore config set progress no")
        #expect(run.status == 2 && run.errors.contains("Give its path with SNAPSTORE_CONFIG."))
        #expect(try bench.shell("mkdir d; SNAPSTORE_CONFIG=d snapstore list").status == 2)
    }
}
