import Foundation
import SnapIO
import TestSupport
import Testing

/// `store backup` and `store restore`, as people and scripts see them.
@Suite struct StoreBackupTests {
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q && snapstore store backup b -q")
        return bench
    }

    @Test func aCopyIsAStoreLikeTheFirst() throws {
        let bench = try Self.makeBench()
        try bench.done("snapstore store restore b --store again --verify -q")
        try bench.done(
            "snapstore restore a:1 out --store again -q && diff -r root out && cmp store/FORMAT again/FORMAT")
        #expect(try bench.done("snapstore list") == bench.done("snapstore list --store again"))
        // A second one beside the first has another identity, so that their backups are not mixed up.
        let other = try bench.summary("snapstore store restore b --store other --new-identity --json")
        let identity = try #require(other["store"] as? String)
        let (first, said) = try (bench.done("cat store/FORMAT"), bench.done("cat other/FORMAT"))
        #expect(said.contains("store \(identity)\n") && said != first)
        let mixed = try bench.shell("snapstore store backup b --store other")
        #expect(mixed.status == 6 && mixed.errors.contains("b holds the backup of another store."))
        // Nobody else reads either.
        #expect(try bench.done("stat -c %a b b/BACKUP b/catalogue-* b/packs again") == "700\n600\n600\n700\n700\n")
    }

    @Test(
        arguments: [
            ("snapstore store backup root", 6, "root is no backup, and it is not empty: it holds etc."),
            ("snapstore store backup store/x", 2, "store/x lies in the store itself."),
            ("ln -s store l; snapstore store backup l/../store/x/y", 2, "lies in the store itself."),
            ("snapstore store backup .", 6, "is no backup, and it is not empty"),
            ("snapstore store backup root/etc/motd", 2, "root/etc/motd is no directory"),
            ("snapstore store backup ''", 2, "The path of the directory is empty."),
            ("snapstore store backup c --store none", 4, "There is no store at"),
            ("snapstore store restore b", 6, "There is a store at"),
            ("snapstore store restore b --store root", 6, "root is not empty: it holds etc."),
            ("snapstore store restore store --store c", 4, "There is no backup at store: none was finished there."),
            ("snapstore store restore c --store d", 4, "There is no backup at c: there is no such directory."),
            ("snapstore store restore root/etc/motd --store d", 4, "it is no directory."),
            ("snapstore list --store b", 4, "There is no store at"),
            ("snapstore create root x:1 --store b", 6, "b is no store, and it is not empty"),
            ("echo x >b/BACKUP; snapstore store restore b --store d", 8, "b/BACKUP is damaged."),
            (
                "sed -i 's/backup 1/backup 2/' b/BACKUP; snapstore store restore b --store d", 2,
                "Use a newer snapstore."
            ),
            (
                "echo >>b/catalogue-*; snapstore store restore b --store d", 8,
                "The catalogue in the backup b is damaged."
            ),
            ("rm b/catalogue-*; snapstore store restore b --store d", 8, "The catalogue in the backup b is damaged."),
            ("snapstore store bakcup b", 2, "Did you mean `snapstore store backup`?"),
            ("snapstore help store bakcup", 2, "Did you mean `snapstore store backup`?"),
            ("snapstore --json store", 2, "See them with `snapstore store --help`."),
        ] as [(String, Int32, String)])
    func whatCannotBeIsNamed(_ script: String, _ status: Int32, _ message: String) throws {
        let bench = try Self.makeBench()
        let run = try bench.shell(script)
        #expect(run.status == status, "\(script): \(run.output)\(run.errors)")
        #expect((run.errors + run.output).contains(message), "\(script): \(run.output)\(run.errors)")
        try bench.expectSound(script)
    }

    /// Damage in the store is copied as it is and named; a pack that the backup has stays as it was.
    @Test func damageInTheStoreIsNamed() throws {
        let bench = try Self.makeBench()
        try bench.done(
            "mkdir o && head -c 9999 /dev/urandom >o/f && snapstore create o b:1 -q && snapstore store backup old -q")
        try bench.done(
            """
            pack=$(ls -S store/packs/local/*/*.pack | head -1)
            printf '\\1\\2\\3\\4' | dd of=$pack bs=1 seek=5000 conv=notrunc 2>/dev/null
            """)
        let fresh = try bench.shell("snapstore store backup new --json")
        #expect(fresh.status == 3)
        let warning = try #require(JSONText.lines(fresh.output).first { $0["type"] as? String == "warning" })
        #expect(warning["code"] as? String == "damaged")
        #expect((warning["message"] as? String)?.contains("has a damaged frame.") == true)
        let copy = try bench.shell("snapstore store restore new --store copy --verify")
        #expect(copy.status == 8 && copy.errors.contains("damaged frame"), "\(copy.errors)")
        #expect(copy.output.contains("problem: ") && copy.output.contains("2 snapshots"))
        // The other snapshot is whole.
        try bench.done("snapstore restore b:1 out --store copy -q && diff -r o out")
        // What was backed up before the damage is sound, and stays so.
        try bench.done("snapstore store backup old -q && snapstore store restore old --store healed --verify -q")
        let lost = try bench.shell("rm $(ls -S store/packs/local/*/*.pack | head -1); snapstore store backup none")
        #expect(lost.status == 3 && lost.errors.contains("is missing."), "\(lost.errors)")
    }

    @Test func verifyHealsWhatIsDamagedInTheBackup() throws {
        let bench = try Self.makeBench()
        try bench.done("printf x | dd of=$(ls b/packs/local/*/*.pack) bs=1 seek=5000 conv=notrunc 2>/dev/null")
        #expect(try bench.summary("snapstore store backup b --json")["copiedPacks"] as? Int == 0)
        let rotten = try bench.shell("snapstore store restore b --store rotten")
        #expect(rotten.status == 3 && rotten.errors.contains("has a damaged frame."), "\(rotten.errors)")
        #expect(try bench.summary("snapstore store backup b --verify --json")["copiedPacks"] as? Int == 1)
        try bench.done("snapstore store restore b --store again --verify -q")
        // One that was cut off is seen without.
        try bench.done("truncate -s 9999 b/packs/local/*/*.pack")
        #expect(try bench.summary("snapstore store backup b --json")["copiedPacks"] as? Int == 1)
        try bench.done("snapstore store restore b --store whole --verify -q")
    }
}

/// `kill -9` at every durable operation of a backup and of a restoration: what was there before is there still, or
/// nothing that could be taken for whole; and the same command goes on.
@Suite(.serialized) struct BackupKillTests {
    private enum Life: String, CaseIterable {
        case first, next, restoration
    }

    @Test(arguments: Life.allCases)
    private func aKillAtAnyGateLeavesTheLastBackup(_ life: Life) throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q && mkdir base")
        if life != .first { try bench.done("snapstore store backup base/b -q") }
        if life == .next {
            try bench.done("snapstore create root/usr b:1 -q && snapstore delete a:1 -q && snapstore gc --grace 0 -q")
        }
        let command = life == .restoration ? "store restore b --store again" : "store backup b"
        let (before, after) = life == .next ? ("a:1", "b:1") : (life == .first ? "" : "a:1", "a:1")
        let names = "snapstore list --store"
        let script = """
            rm -rf b again copy; cp -a base/. .
            SNAPSTORE_KILL_AT_GATE=$gate snapstore \(command) -q 2>/dev/null && exit 0
            test $? = 137 || exit 1
            \(life == .restoration ? "test ! -e again/FORMAT || snapstore fsck -q --store again || exit 2" : """
                if test -e b/BACKUP; then
                    snapstore store restore b --store copy --verify -q || exit 3
                    \(names) copy | grep -Ec '^(\(before)|\(after)) ' | grep -qx 1 || exit 4
                    rm -r copy
                else
                    test -z '\(before)' || exit 5
                    snapstore store restore b --store copy -q 2>/dev/null && exit 6
                fi
                """)
            test -e again/FORMAT || snapstore \(command) -q || exit 7
            \(life == .restoration ? "mv again copy" : "snapstore store restore b --store copy --verify -q || exit 8")
            snapstore fsck --read-data -q --store copy || exit 9
            \(names) copy | grep -q '^\(after) ' || exit 10
            snapstore stats --json | grep -q '"sessions":0' || exit 11
            exit 137
            """
        var gate = 1
        while gate < 500 {
            let run = try bench.shell(script, environment: ["gate": String(gate)])
            if run.status == 0 { break }
            guard run.status == 137 else {
                Issue.record("gate \(gate) of \(life): exit \(run.status): \(run.output)\(run.errors)")
                return
            }
            gate += 1
        }
        print("backup kill sweep, \(life): \(gate - 1) gates")
        #expect(gate > 12 && gate < 500)
    }
}
