import SnapIO
import TestSupport
import Testing

/// Every exit code of the manual's table, by a command that ends with it.
@Suite struct ExitCodeTests {
    /// Lines of shell for each code. Bench: `a:1` is `root`, `a:2` another.
    private static let scripts: [Int: [String]] = [
        0: ["snapstore list", "snapstore create root a:1", "snapstore diff a:1 a:2"],
        1: ["snapstore list >/dev/full", "snapstore list >&-", "snapstore --help >/dev/full"],
        2: ["snapstore list --no-such-option", "snapstore get X", "snapstore cat a:1 etc", "snapstore delete a:1 a:2"],
        3: ["chmod u+s root/usr/bin/tool; snapstore create root s:1 -q; snapstore restore s:1 out --untrusted"],
        4: [
            "snapstore get b:1", "snapstore ls a:1 nowhere", "snapstore create nowhere b:1",
            "snapstore list --store nowhere", "snapstore import nowhere", "snapstore restore a:1 out --checkpoint c",
            "snapstore restore a:1 out --path nowhere", "snapstore create root b:1 --env-file nowhere",
            "snapstore list --store root/etc/motd",
        ],
        6: [
            "snapstore create root a:2", "snapstore restore a:1 root", "snapstore tag a:1 a:2",
            "snapstore get a:1@sha256:\(String(repeating: "0", count: 64))",
        ],
        8: [
            // A byte in the middle of the largest pack.
            """
            pack=$(ls -S store/packs/local/*/*.pack | head -1)
            printf '\\0\\1\\2\\3' | dd of=$pack bs=1 seek=4000 conv=notrunc 2>&1
            snapstore fsck --read-data
            """,
            "rm store/packs/local/*/*.pack; snapstore cat a:1 usr/bin/tool",
            "rm store/catalog.sqlite-*; head -c 20000 /dev/urandom >store/catalog.sqlite; snapstore list",
        ],
        130: ["snapstore import - <pipe & sleep 0.1; kill -TERM $!; wait $!"],
    ]

    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done(
            """
            snapstore create root a:1 -q && touch root/new && snapstore create root a:2 -q && rm root/new && mkfifo pipe \
            && snapstore create root a:1 -q --force
            """)
        return bench
    }

    /// Codes whose test stands by itself: root's rights, a wait of ten seconds; and one that no command of a local store
    /// ends with.
    private static let others: Set = [5, 7, 9]

    @Test func everyCodeOfTheManualIsReached() throws {
        let rows = try Manual.rows("## Exit codes")
        #expect(rows.compactMap { Int($0[0]) } == (Set(Self.scripts.keys).union(Self.others)).sorted())
        for row in rows {
            guard let code = Int(row[0]), let scripts = Self.scripts[code] else { continue }
            for script in scripts {
                let bench = try Self.makeBench()
                // Held open, so that opening it for reading does not wait.
                let pipe = try Kernel.open(bench.directory.file("pipe"), .readWrite)
                let run = try bench.shell(script)
                #expect(run.status == code, "\(script): \(run.output)\(run.errors)")
                if code != 0 && code != 3 && code != 8 && !script.contains(">") {
                    #expect(run.errors.hasPrefix("snapstore: ") || run.errors.hasPrefix("Error: "), "\(script)")
                }
                try pipe.close()
            }
        }
    }

    /// The error object of JSON has a code of the same row.
    @Test func problemCodesAreThoseOfTheManual() throws {
        let rows = try Manual.rows("## Exit codes")
        let bench = try Self.makeBench()
        for script in [2, 4, 6].flatMap({ Self.scripts[$0] ?? [] }) where script.hasPrefix("snapstore") {
            let run = try bench.shell(script + " --json 2>&1 | grep '^{'")
            let error = try #require(JSONText.lines(run.output).last, "\(script)")
            #expect(error["type"] as? String == "error", "\(script)")
            let code = try #require(error["code"] as? String)
            let row = try #require(rows.first { Manual.code($0[2]).contains(code) }, "\(code) is not in the manual")
            #expect(try bench.shell(script + " --json").status == Int32(row[0]), "\(script): \(code)")
        }
    }

    @Test(.enabled(if: Kernel.isRoot, "skipped: not root")) func whatIsNotPermittedIsSaid() throws {
        let bench = try Self.makeBench()
        // The directories of the program and the bench may be closed to others.
        try bench.done("cp \"$(command -v snapstore)\" program && mkdir -m 755 out && chmod 755 .")
        let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups ./program"
        for command in ["list", "create root b:1", "gc", "import a.snap"] {
            let run = try bench.shell("snapstore export a:1 a.snap -q; chmod 644 a.snap; \(nobody) \(command) --json")
            #expect(run.status == 5, "\(command): \(run.errors)")
            #expect(run.errors.contains("store/FORMAT: Permission denied"), "\(command): \(run.errors)")
            #expect(try JSONText.lines(run.output).last?["code"] as? String == "not_allowed")
            #expect(run.errors.contains("store") && !run.errors.contains("There is no store"))
        }
        // A place where nobody may write.
        let made = try bench.shell("\(nobody) create root b:1 --store out/store")
        #expect(made.status == 5 && made.errors.contains("out/store"), "\(made.errors)")
        // A directory that may not be entered is left out, and named.
        let own = "mkdir -m 777 theirs; \(nobody) create root b:1 --store theirs/store"
        let left = try bench.shell("chmod 700 root/etc/ssl; chmod 755 root root/etc; \(own)")
        #expect(left.status == 3 && left.errors.contains("etc/ssl"), "\(left.errors)")
    }

    /// A program that writes to the catalogue and does not let go.
    @Test func aCatalogueThatIsHeldIsBusy() async throws {
        let bench = try Self.makeBench()
        let run = try await bench.shellApart(
            """
            python3 -c '
            import sqlite3, sys
            db = sqlite3.connect("store/catalog.sqlite", isolation_level=None)
            db.execute("BEGIN IMMEDIATE")
            print(flush=True)
            sys.stdin.read()' <pipe >ready &
            exec 3>pipe
            while ! test -s ready; do sleep 0.01; done
            snapstore tag a:1 b:1 --json 3>&-
            """)
        #expect(run.status == 9, "\(run.output)\(run.errors)")
        #expect(try JSONText.lines(run.output).last?["code"] as? String == "busy")
    }

    @Test func aStoreOfANewerFormatIsRefusedClearly() throws {
        let bench = try Self.makeBench()
        try bench.done("sed -i '1s/.*/snapstore 2/' store/FORMAT")
        for command in ["list", "create root b:1", "fsck", "gc"] {
            let run = try bench.shell("snapstore \(command)")
            #expect(run.status == 2)
            #expect(
                run.errors.hasPrefix(
                    "snapstore: The store has the format `snapstore 2`; this program reads `snapstore 1`.\n"
                        + "Use a newer snapstore.\n"), "\(run.errors)")
        }
        try bench.done("echo nonsense >store/FORMAT")
        let damaged = try bench.shell("snapstore list")
        #expect(damaged.status == 8 && damaged.errors.contains("is not the FORMAT file of a store."))
    }

    @Test func aStoreIsNotMadeWhereOtherThingsAre() throws {
        let bench = try CommandBench()
        let file = try bench.shell("snapstore create root a:1 --store root/etc/motd")
        #expect(file.status == 2 && file.errors.contains("root/etc/motd is no directory, so it is no store."))
        let full = try bench.shell("snapstore create root a:1 --store root")
        #expect(full.status == 6 && full.errors.contains("it is not empty: it holds"), "\(full.errors)")
        #expect(try bench.done("ls root") == "etc\nusr\n")
        // An empty directory is fine, and so is what a process left that died while it made the store.
        try bench.done("mkdir -p empty half/packs half/sessions half/lost+found")
        try bench.done("snapstore create root a:1 -q --store empty && snapstore create root a:1 -q --store half")
    }
}
