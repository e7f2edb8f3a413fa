import Foundation
import SnapIO
import TestSupport
import Testing

/// `doctor`: what each check says of a sound store, and of one that was made unsound for it.
@Suite(.serialized) struct DoctorTests {
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q")
        return bench
    }

    /// Level and message of each check.
    private static func findings(_ bench: CommandBench, _ before: String = "") throws
        -> (status: Int32, checks: [String: (level: String, message: String)])
    {
        let run = try bench.shell("\(before)\nsnapstore doctor --json")
        var checks: [String: (level: String, message: String)] = [:]
        for line in try JSONText.lines(run.output) where line["type"] as? String == "item" {
            let check = try #require(line["check"] as? String)
            let level = try #require(line["level"] as? String)
            #expect(checks[check] == nil, "\(check) twice")
            #expect((level == "ok") == (line["advice"] as? String == nil), "\(check)")
            checks[check] = (level, try #require(line["message"] as? String))
        }
        return (run.status, checks)
    }

    @Test func aSoundStoreHasNothingButItsPlaceWarnedOf() throws {
        let bench = try Self.makeBench()
        let (status, checks) = try Self.findings(bench)
        #expect(
            Set(checks.keys) == [
                "kernel", "fuse", "libraries", "open files", "owner", "file system", "free space", "locks",
                "catalogue", "objects", "sessions", "clock", "backup",
            ])
        // Stores of tests are in memory.
        #expect(checks.filter { $0.value.level != "ok" }.keys.sorted() == ["file system"])
        #expect(status == 3)
        #expect(checks["libraries"]?.message.contains("SQLite 3.") == true)
        let text = try bench.shell("snapstore doctor")
        #expect(text.status == 3 && text.output.contains("warn  file system: "))
        #expect(text.output.hasSuffix("12 ok, 1 warning, 0 failures\n"))
        // Every check of the manual, and none that it does not have.
        let manual = Set(try Manual.section("### doctor").flatMap { Manual.code($0) })
        #expect(manual.isSuperset(of: checks.keys))
    }

    @Test func onADiskAllIsWell() throws {
        let bench = try Self.makeBench()
        let disk = TemporaryDirectory(in: "/var/tmp")
        let run = try bench.shell(
            "cp -a store '\(disk.file("store"))' && snapstore doctor --store '\(disk.file("store"))'")
        // Unless the machine's own disk is nearly full, or is none.
        let unsound = run.output.split(separator: "\n").filter { $0.hasPrefix("warn") || $0.hasPrefix("fail") }
        #expect(unsound.allSatisfy { $0.contains("free space") || $0.contains("file system") }, "\(run.output)")
        #expect(run.status == (unsound.isEmpty ? 0 : unsound.contains { $0.hasPrefix("fail") } ? 1 : 3))
    }

    private static func sql(_ statement: String) -> String {
        """
        python3 -c '
        import sqlite3
        db = sqlite3.connect("store/catalog.sqlite")
        db.execute("\(statement)")
        db.commit()'
        """
    }

    /// What is done to the store, the check that finds it, its level, and words of what it says.
    private static let troubles: [(String, String, String, String)] = [
        ("chmod 755 store", "owner", "warn", "mode 0755"),
        ("mv store/sessions gone", "owner", "fail", "sessions is missing"),
        ("ulimit -n 100", "open files", "warn", "Only 100"),
        ("touch -d '3 days ago' store/FORMAT", "backup", "warn", "There is none"),
        ("touch store/backup/catalogue-1700000000000.sqlite", "backup", "warn", "h old"),
        (sql("UPDATE ledger_clock SET flagged = 1"), "clock", "warn", "moved by over 60 s"),
        (sql("UPDATE ledger_clock SET flagged = 2"), "clock", "warn", "two starts"),
        (
            sql("UPDATE ledger_clock SET ledger_nanoseconds = ledger_nanoseconds + 3600000000000"), "clock", "warn",
            "s behind it"
        ),
        (
            sql("UPDATE ledger_clock SET ledger_nanoseconds = ledger_nanoseconds - 3600000000000"), "clock", "warn",
            "s ahead of it"
        ),
        (sql("UPDATE object SET bad = 1 WHERE kind = 1"), "objects", "fail", "known to be damaged"),
        ("head -c 30000 /dev/urandom >store/catalog.sqlite; rm -f store/catalog.sqlite-*", "catalogue", "fail", " "),
        ("rm store/catalog.sqlite*", "catalogue", "fail", "is missing"),
        ("echo nonsense >store/FORMAT", "catalogue", "fail", " "),
        ("mv store gone", "store", "warn", "There is no store at"),
    ]

    @Test(arguments: troubles) func troubleIsFound(_ trouble: String, _ check: String, _ level: String, _ words: String)
        throws
    {
        let bench = try Self.makeBench()
        let (status, checks) = try Self.findings(bench, trouble)
        #expect(checks[check]?.level == level, "\(trouble): \(checks)")
        #expect(checks[check]?.message.contains(words) == true, "\(trouble): \(checks)")
        let others = checks.filter { $0.key != check && $0.key != "file system" && $0.value.level != "ok" }
        // A directory that is missing is in the way of opening, too.
        #expect(others.isEmpty || trouble.hasPrefix("mv store/sessions"), "\(trouble): \(others)")
        #expect(status == (level == "fail" ? 1 : 3), "\(trouble)")
    }

    @Test func whoKeepsTheWritersOutIsNamed() async throws {
        let bench = try Self.makeBench()
        for name in ["catalog.lock", "catalog.turnstile"] {
            let run = try await bench.shellApart(
                """
                exec 9<store/\(name); flock 9; sleep 30 <&9 & holder=$!; exec 9<&-
                snapstore doctor 9<&-; status=$?; kill $holder; exit $status
                """)
            #expect(run.status == 1, "\(run.output)")
            #expect(run.output.contains("fail  locks: \(name) is held for over 3 s by"), "\(run.output)")
            #expect(run.output.contains(" s by sleep (process "), "\(run.output)")
        }
    }

    @Test func aSessionThatIsOpenForDaysIsNamedWithItsProcess() throws {
        let bench = try Self.makeBench()
        let pipe = try Self.openPipe(bench)
        defer { try? pipe.close() }
        let run = try bench.shell(
            """
            snapstore import - b:1 <pipe 2>/dev/null & import=$!
            until [ "$(snapstore stats --json | grep -o '"sessions":[0-9]*')" = '"sessions":1' ]; do sleep 0.05; done
            \(Self.sql("UPDATE session SET started_ms = started_ms - 200000000"))
            snapstore doctor; echo "status $? process $import"; kill $import; wait $import
            """)
        let process = try #require(run.output.split(separator: "\n").last?.split(separator: " ").last)
        #expect(
            run.output.contains("warn  sessions: 1 open for over a day; the oldest, an import, for "), "\(run.output)")
        #expect(run.output.contains("for 55 h, held by snapstore (process \(process))."), "\(run.output)")
        #expect(run.output.contains("status 3"))
    }

    /// Held open, so that a reader of it waits.
    private static func openPipe(_ bench: CommandBench) throws -> Descriptor {
        try bench.done("mkfifo pipe")
        return try Kernel.open(bench.directory.file("pipe"), .readWrite)
    }

    @Test(.enabled(if: Kernel.isRoot, "skipped: not root")) func aDiskThatIsNearlyFullFails() throws {
        let bench = try Self.makeBench()
        let run = try bench.shell(
            """
            mkdir small && mount -t tmpfs -o size=32m tmpfs small && cp -a store small/store
            snapstore doctor --store small/store; status=$?; umount small; exit $status
            """)
        #expect(run.status == 1 && run.output.contains("fail  free space: "), "\(run.output)\(run.errors)")
    }

    @Test func aStoreOfSomebodyElseIsNamed() throws {
        guard Kernel.isRoot else { return print("skipped: not root") }
        let bench = try Self.makeBench()
        let (status, checks) = try Self.findings(bench, "chown 12345 store")
        #expect(status == 3 && checks["owner"]?.message.contains("belongs to user 12345") == true)
    }
}
