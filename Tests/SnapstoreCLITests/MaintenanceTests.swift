import Foundation
import TestSupport
import Testing

/// `stats`, `gc` and `fsck`, as people and scripts see them.
@Suite struct MaintenanceTests {
    /// `a:1` has files a… and b…, `a:2` only those that are left.
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done("mkdir t && (cd t && head -c 4M /dev/urandom | split -b 64K -d -a 3 - f)")
        try bench.done("snapstore create t a:1 -q && rm t/f*[02468] && snapstore create t a:2 -q")
        return bench
    }

    @Test func aDryRunSaysWhatACollectionWouldFree() throws {
        let bench = try Self.makeBench()
        try bench.done("snapstore delete a:1 -q")
        let held = try bench.summary("snapstore stats --json")
        let condemned = try #require(held["condemnedBytes"] as? Int)
        #expect(condemned > 2_000_000 && condemned < 2_200_000)

        // In its grace: nothing now, all of it tomorrow.
        let grace = try bench.summary("snapstore gc --dry-run --json")
        #expect(grace["freedBytes"] as? Int == 0 && grace["deletedObjects"] as? Int == 0)
        #expect(grace["laterBytes"] as? Int == condemned)
        let at = try #require(grace["laterAt"] as? Int)
        #expect(abs(at - Int(Date().timeIntervalSince1970 * 1000) - 86_400_000) < 600_000)
        let said = try bench.done("snapstore gc --dry-run")
        #expect(said.contains(" MiB (before compression) can go after 20"), "\(said)")
        #expect(said.contains("; to free it now: snapstore gc --grace 0\n"))
        #expect(said.hasSuffix("Would free about 0 B: 0 packs removed, 0 of them rewritten\n"))

        // Without grace: as much as a collection then frees.
        let dry = try bench.summary("snapstore gc --dry-run --grace 0 --json")
        #expect(
            try bench.summary("snapstore stats --json")["condemnedBytes"] as? Int == condemned, "it freed something")
        let wet = try bench.summary("snapstore gc --grace 0 --json")
        let (foreseen, freed) = (dry["freedBytes"] as? Int ?? 0, wet["freedBytes"] as? Int ?? 0)
        #expect(freed > 1_900_000 && abs(foreseen - freed) < freed / 20, "\(foreseen) foreseen, \(freed) freed")
        for key in ["deletedObjects", "deletedPacks", "laterBytes"] {
            #expect(dry[key] as? Int == wet[key] as? Int, "\(key)")
        }
        #expect(dry["laterAt"] is NSNull && wet["laterAt"] is NSNull)
        let nothing = try bench.summary("snapstore gc --dry-run --grace 0 --json")
        #expect(nothing["freedBytes"] as? Int == 0 && nothing["deletedPacks"] as? Int == 0)
        try bench.expectSound("gc")
    }

    @Test func whatAnOpenSessionMayUseStays() throws {
        let bench = try Self.makeBench()
        // An import that waits for its input is a session that began before the delete.
        let run = try bench.shell(
            """
            mkfifo pipe
            snapstore import - b:1 <pipe 2>/dev/null &
            exec 3>pipe
            while test -z "$(ls store/sessions)"; do sleep 0.01; done
            snapstore delete a:1 -q 3>&-
            snapstore gc --dry-run --grace 0 3>&-
            snapstore gc --grace 0 --json 3>&-
            exec 3>&-
            wait
            """)
        #expect(run.output.contains("A command that is under way (import) may still use some of it."), "\(run.output)")
        let wet = try #require(JSONText.lines(String(run.output.split(separator: "\n").last ?? "")).last)
        #expect(wet["freedBytes"] as? Int == 0 && wet["laterBytes"] as? Int ?? 0 > 2_000_000)
        #expect(try bench.summary("snapstore gc --grace 0 --json")["freedBytes"] as? Int ?? 0 > 1_900_000)
    }

    @Test func statsAddUp() throws {
        let bench = try Self.makeBench()
        let sum = try bench.summary("snapstore stats --json")
        #expect(sum["snapshots"] as? Int == 2 && sum["sessions"] as? Int == 0)
        #expect(sum["logicalBytes"] as? Int == (64 + 32) * 65_536)
        let held = sum["heldBytes"] as? Int ?? 0
        #expect(held > 4 << 20 && held < 4_300_000)
        let disk = try bench.done("cat store/packs/local/*/*.pack | wc -c").trimmingCharacters(
            in: .whitespacesAndNewlines)
        #expect(sum["packBytes"] as? Int == Int(disk))
        let text = try bench.done("snapstore stats")
        #expect(text.contains("snapshots         2\n") && text.contains("sessions          0\n"))
    }

    /// What is done to the largest pack, and what is said of it.
    private static let damages = [
        (
            "printf '\\1\\2\\3\\4' | dd of=$pack bs=1 seek=5000 conv=notrunc 2>/dev/null", "object_corrupt",
            "cannot be read. "
        ),
        ("rm $pack", "pack_missing", "is missing."),
        ("truncate -s 100 $pack", "pack_corrupt", "objects cannot be read."),
    ]

    @Test(arguments: 0..<3) func damageNamesTheSnapshotsAndWhatToDo(_ number: Int) throws {
        let (damage, code, sentence) = Self.damages[number]
        let bench = try Self.makeBench()
        try bench.done(
            "snapstore create root sound:1 -q; pack=$(ls -S store/packs/local/*/*.pack | head -1); \(damage)")
        let json = try bench.shell("snapstore fsck --read-data --json")
        #expect(json.status == 8)
        let lines = try JSONText.lines(json.output)
        let items = lines.filter { $0["type"] as? String == "item" }
        #expect(
            items.contains { $0["code"] as? String == code && ($0["message"] as? String)?.contains(sentence) == true },
            "\(json.output)")
        let names = Set(
            items.filter { $0["code"] as? String == "snapshot_damaged" }.compactMap { $0["name"] as? String })
        #expect(names.contains("a:1") && !names.contains("sound:1"), "\(names)")
        #expect(lines.last?["damagedSnapshots"] as? Int == names.count)
        let text = try bench.shell("snapstore fsck --read-data")
        #expect(text.status == 8)
        for line in ["damaged: a:1 (", "Next: capture the same content again", "snapstore delete "] {
            #expect(text.output.contains(line), "\(line) in\n\(text.output)")
        }
        // As it says: the same content again, and all is well.
        try bench.shell("snapstore delete a:1 a:2 --yes -q; snapstore gc --grace 0 -q")
        let after = try bench.shell("snapstore fsck --read-data")
        #expect(after.status == 0, "\(after.output)")
        try bench.done("snapstore restore sound:1 out -q && diff -r root out")
    }

    @Test func theSameContentHealsWhatWasLost() throws {
        let bench = try Self.makeBench()
        try bench.done("rm -rf t && mkdir t && head -c 3M /dev/urandom >t/one && snapstore create t lost:1 -q")
        try bench.done("rm $(ls -t store/packs/local/*/*.pack | head -1)")
        let found = try bench.shell("snapstore fsck")
        #expect(found.output.contains("damaged: lost:1 (") && !found.output.contains("held 0 times"), "\(found.output)")
        #expect(try bench.shell("snapstore restore lost:1 out -q").status == 8)
        try bench.done(
            "snapstore create t again:1 -q --rehash && rm -rf out && snapstore restore lost:1 out -q && diff -r t out")
        // But for the record that was in it, which serves a rebuild of the catalogue.
        let check = try bench.shell("snapstore fsck")
        #expect(check.status == 8 && check.output.contains("The record of lost:1 cannot be read"), "\(check.output)")
        #expect(check.output.contains("then delete the snapshot whose record is lost"))
        try bench.done("snapstore delete lost:1 -q && snapstore gc --grace 0 -q && snapstore fsck --read-data -q")
    }

    @Test func aLostCatalogueIsMadeAnew() throws {
        let bench = try Self.makeBench()
        try bench.done(
            "head -c 8192 /dev/urandom | dd of=store/catalog.sqlite conv=notrunc 2>/dev/null; rm -f store/catalog.sqlite-*"
        )
        let check = try bench.shell("snapstore fsck")
        #expect(check.status == 8 && check.errors.contains("snapstore fsck --rebuild-catalog"), "\(check.errors)")
        let found = try bench.shell("snapstore fsck --rebuild-catalog")
        #expect(found.status == 6 && found.output == "found: local/a:1\nfound: local/a:2\n", "\(found.output)")
        #expect(found.errors.contains("Add --adopt to take them all."))
        let done = try bench.done("snapstore fsck --rebuild-catalog --adopt")
        #expect(done.contains(/^Rebuilt from \d packs: 2 snapshots\n/) && done.contains(": 0 problems; "), "\(done)")
        try bench.done("snapstore restore a:2 out -q && diff -r t out")
    }
}
