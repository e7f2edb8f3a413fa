import Foundation
import TestSupport
import Testing

/// Names of snapshots, tags and deletes, as they are typed.
@Suite struct ReferenceTests {
    /// `a:1` and `a:s` are `root`; `a:2` and `a` (latest) are `root` with a file more.
    private static func makeBench() throws -> CommandBench {
        let bench = try CommandBench()
        try bench.done(
            """
            snapstore create root a:1 -q --label team=x --label keep=yes && snapstore tag a:1 a:s -q && touch root/new \
            && snapstore create root a:2 -q --label team=y && snapstore tag a:2 a -q && rm root/new
            """)
        return bench
    }

    private func id(_ reference: String, _ bench: CommandBench) throws -> String {
        try #require(bench.summary("snapstore get \(reference) --json")["id"] as? String)
    }

    @Test func everyFormOfAReferenceIsUnderstood() throws {
        let bench = try Self.makeBench()
        let digest = try bench.digest("a:1")
        let record = try id("a:1", bench)
        let hex = digest.dropFirst(7)
        for reference in [
            "a:1", "a:s", "local/a:1", "a:1@\(digest)", "local/a:s@\(digest)", digest, String(hex),
            String(hex.prefix(8)), String(hex.prefix(20)), record,
        ] {
            #expect(try bench.digest(reference) == digest, "\(reference)")
            #expect(try bench.done("snapstore cat \(reference) etc/motd") == "hello\n")
        }
        #expect(try bench.digest("a") == bench.digest("a:2"))
        #expect(try bench.digest("a:latest") == bench.digest("a:2"))
        #expect(
            try bench.done("snapstore diff \(hex.prefix(8)) a") == "M .  (time)\n+ new\n1 added, 0 removed, 1 changed\n"
        )
    }

    /// References, exit codes, and what is said.
    private static let wrong: [(String, Int32, String)] = [
        ("a:3", 4, "Did you mean `a"), ("a:11", 4, "Did you mean `a:1`?"), ("b:1", 4, "Did you mean `a:1`?"),
        ("aa", 4, "Did you mean `a"), ("zzzzzzzz", 4, "See what there is with `snapstore list`."),
        ("other/a:1", 4, "There is no snapshot `other/a:1`."), ("deadbeefdead", 4, "There is no snapshot"),
        ("sha256:1234", 2, "is no digest: 64 lower-case hexadecimal digits follow sha256:."),
        ("sha256:\(String(repeating: "A", count: 64))", 2, "is no digest"),
        ("sha256:\(String(repeating: "a", count: 64))", 4, "There is no snapshot"),
        (String(repeating: "a", count: 32), 4, "There is no snapshot"),
        ("a:1@sha256:12", 2, "has no digest after the @"), ("A", 2, "is no snapshot name"),
        ("a:", 2, "has no valid tag"), ("a::1", 2, "has no valid tag"), ("''", 2, "is no snapshot name"),
        ("/a", 2, "is no snapshot name"), ("a/", 2, "is no snapshot name"), ("a:1@", 2, "has no digest after the @"),
        ("a:1@sha256:\(String(repeating: "0", count: 64))", 6, "Leave out the digest to take what it names now."),
    ]

    @Test func aWrongReferenceIsAnsweredWithHelp() throws {
        let bench = try Self.makeBench()
        for (number, (reference, status, message)) in Self.wrong.enumerated() {
            let commands = ["get \(reference)", "ls \(reference)", "restore \(reference) out", "tag \(reference) x:1"]
            let command = commands[number % commands.count]
            let run = try bench.shell("snapstore \(command)")
            #expect(run.status == status && run.errors.contains(message), "\(command): \(run.errors)")
        }
        #expect(try bench.done("ls") == "root\nstore\n")
    }

    /// Two digests that begin alike do not come by chance: one is written over in the catalogue.
    @Test func anAmbiguousPrefixAsksForMore() throws {
        let bench = try Self.makeBench()
        let prefix = try bench.digest("a:1").dropFirst(7).prefix(10)
        try bench.done(
            """
            python3 -c '
            import sqlite3
            db = sqlite3.connect("store/catalog.sqlite")
            other = bytes.fromhex("\(prefix)" + "ab" * 27)
            db.execute("UPDATE record SET manifest = ? WHERE uid = (SELECT record FROM tag WHERE tag = ?)", (other, "2"))
            db.commit()'
            """)
        for command in ["get \(prefix)", "delete \(prefix.prefix(8))", "tag \(prefix.prefix(9)) x:1"] {
            let run = try bench.shell("snapstore \(command)")
            #expect(run.status == 2 && run.errors.contains("begins the digests of 2 snapshots."), "\(run.errors)")
            #expect(run.errors.contains("Give more digits."))
        }
        #expect(try bench.done("snapstore list").contains("a:1"))
    }

    @Test func tagsMoveOnlyWhenAsked() throws {
        let bench = try Self.makeBench()
        let (first, second) = (try bench.digest("a:1"), try bench.digest("a:2"))
        // The same content is a success; latest moves freely.
        for script in ["tag a:1 a:s", "tag a:1 a:s --if-match none", "tag a:1 a", "tag a:2 a", "tag a:1 other"] {
            try bench.done("snapstore \(script)")
        }
        #expect(try bench.done("snapstore tag a:1 a") == "a:latest is \(first)\n  before \(second)\n")
        for script in [
            "tag a:2 a:s", "tag a:2 a:s --if-match none", "tag a:2 a:s --if-match \(second)",
            "tag a:2 a:new --if-match \(second)", "create root/usr a:s", "create root/usr a --if-match \(second)",
        ] {
            #expect(try bench.shell("snapstore \(script)").status == 6, "\(script)")
        }
        #expect(try bench.digest("a:s") == first)
        let moved = try bench.summary("snapstore tag a:2 a:s --if-match \(first) --json")
        #expect(moved["digest"] as? String == second && moved["replaced"] as? String == first)
        try bench.done("snapstore tag a:1 a:s --force && snapstore tag a:1 a:fresh --if-match none")
        #expect(try bench.digest("a:s") == first && bench.digest("a:fresh") == first)
        let created = try bench.summary("snapstore create root/usr a:s --if-match \(first) --json")
        #expect(created["replaced"] as? String == first && created["isNew"] as? Bool == true)
        try bench.done("snapstore create root a:s --force -q")
        let again = try bench.summary("snapstore create root a:s --json")
        #expect(again["isNew"] as? Bool == false && again["newBytes"] as? Int == 0)
    }

    @Test func deletingATagLeavesTheSnapshotUntilItsLast() throws {
        let bench = try Self.makeBench()
        #expect(try bench.done("snapstore delete a:1") == "Removed the tag a:1; the snapshot stays as a:s\n")
        #expect(try bench.done("snapstore delete a:s").hasPrefix("Deleted a:s ("))
        #expect(try bench.shell("snapstore delete a:s").status == 4)
        // A digest: with all its tags.
        let digest = try bench.digest("a:2")
        #expect(try bench.summary("snapstore delete \(digest) --json")["deleted"] as? Int == 1)
        #expect(try bench.summary("snapstore list --json")["count"] as? Int == 0)
        try bench.expectSound("deletes")
    }

    @Test func deletingARecordTakesItsTags() throws {
        let bench = try Self.makeBench()
        try bench.done("snapstore delete \(id("a:s", bench)) -q")
        #expect(try bench.shell("snapstore get a:1").status == 4 && bench.shell("snapstore get a:s").status == 4)
        // A name that could be the beginning of a digest: the tag alone.
        try bench.done("snapstore create root deadbeef -q && snapstore tag deadbeef deadbeef:x -q")
        #expect(try bench.done("snapstore delete deadbeef").hasPrefix("Removed the tag deadbeef:latest;"))
        #expect(try bench.shell("snapstore delete a:2@\(bench.digest("deadbeef:x"))").status == 6)
    }

    @Test func aTagOfAnotherNameIsShownByThatName() throws {
        let bench = try Self.makeBench()
        try bench.done("snapstore tag a:1 work:x -q")
        #expect(try bench.done("snapstore list").contains("a:1 a:s work:x"))
        #expect(try bench.summary("snapstore get work:x --json")["tags"] as? [String] == ["1", "s", "work:x"])
        #expect(try bench.done("snapstore log a").contains("1 s work:x"))
        #expect(
            try bench.done("snapstore delete a:1") == "Removed the tag a:1; the snapshot stays as a:s work:x\n")
        #expect(try bench.done("snapstore delete a:s").hasSuffix("stays as work:x\n"))
        #expect(try bench.done("snapstore protect work:x").hasPrefix("work:x is protected"))
        #expect(try bench.shell("snapstore get work:y").errors.contains("Did you mean `work:x`?"))
        try bench.done(
            "snapstore protect work:x --off -q && snapstore delete work:x -q && snapstore undelete work:x -q")
        #expect(try bench.summary("snapstore get work:x --json")["tags"] as? [String] == ["work:x"])
    }

    @Test func deletingSeveralNeedsAYes() throws {
        let bench = try Self.makeBench()
        let refused = try bench.shell("snapstore delete a:1 a:2")
        #expect(refused.status == 2 && refused.errors.contains("Add --yes if you mean it."))
        // One that is not there: none goes.
        #expect(try bench.shell("snapstore delete a:1 a:2 a:nine --yes").status == 4)
        #expect(try bench.summary("snapstore list --json")["count"] as? Int == 2)
        let all = try bench.summary("snapstore delete a:1 a:1 a:s a:2 a --yes --json")
        #expect(all["deleted"] as? Int == 2)
        #expect(try bench.done("snapstore list") == "No snapshots. Make one with: snapstore create DIR NAME\n")
    }

    @Test func listsCanBeNarrowed() throws {
        let bench = try Self.makeBench()
        func names(_ options: String) throws -> [String] {
            try bench.done("snapstore list \(options)").split(separator: "\n").dropFirst().map {
                $0.split(separator: "  ")[0].trimmingCharacters(in: .whitespaces)
            }
        }
        #expect(try names("") == ["a:2 a:latest", "a:1 a:s"])
        #expect(try names("--label team") == ["a:2 a:latest", "a:1 a:s"])
        #expect(try names("--label team=x") == ["a:1 a:s"] && names("--label keep") == ["a:1 a:s"])
        #expect(try bench.done("snapstore list --label team=z") == "No such snapshots.\n")
        #expect(try bench.done("snapstore list --name b") == "No such snapshots.\n")
        #expect(try bench.done("snapstore list --untagged") == "No such snapshots.\n")
        try bench.done("snapstore create root/usr a --force -q && snapstore create root/etc a:2 --force -q")
        #expect(try names("--untagged --name a") == ["a (untagged)"])
        #expect(try bench.done("snapstore ls") == bench.done("snapstore list"))
        let item = try #require(
            bench.lines("snapstore list --untagged --json").first { $0["type"] as? String == "item" })
        #expect(item["tags"] as? [String] == [] && item["labels"] as? [String: String] == ["team": "y"])
    }

    @Test func lsShowsEveryKindOfEntry() throws {
        let bench = try CommandBench()
        try bench.done(
            """
            mkdir k && cd k && mkfifo fifo && ln -s some/where link && mkdir -m 1777 tmp && echo 12345 >file \
            && chmod 6755 file && touch -d @-99999999999 old && touch -d @99999999999 new && touch -d @0 epoch
            """)
        let isRoot = try bench.done("id -u") == "0\n"
        if isRoot {
            try bench.done("cd k && mknod null c 1 3 && mknod disk b 8 1 && chown 7:8 file && chmod 6755 file")
        }
        try bench.done("snapstore create k k:1 -q")
        let lines = try bench.done("snapstore ls k:1").split(separator: "\n").map(String.init)
        func line(_ name: String) -> String { lines.first { $0.hasSuffix(" " + name) } ?? "" }
        #expect(line("fifo").hasPrefix("prw") && line("link -> some/where").hasPrefix("lrwxrwxrwx"))
        #expect(line("tmp").hasPrefix("drwxrwxrwt") && line("file").hasPrefix("-rwsr-sr-x"))
        #expect(line("file").contains("         6 20") && line("epoch").contains(" 1970-01-01 00:00:00 "))
        #expect(line("old").contains(" -1199-02-15 14:13:21 ") && line("new").contains(" 5138-11-16 09:46:39 "))
        if isRoot {
            #expect(line("null").hasPrefix("crw") && line("null").contains(" 1,3 "))
            #expect(line("disk").hasPrefix("brw") && line("disk").contains(" 8,1 ") && line("file").contains(" 7:8 "))
        }
        #expect(try bench.done("snapstore ls k:1 file").hasSuffix(" file\n"))
        #expect(try bench.shell("snapstore ls k:1 file/x").errors.contains("The snapshot has no /file/x."))
        #expect(try bench.shell("snapstore cat k:1 link").errors.contains("It is a symbolic link to some/where."))
        #expect(try bench.shell("snapstore cat k:1 tmp").errors.contains("List it with `snapstore ls k:1 tmp`."))
        #expect(try bench.shell("snapstore cat k:1 fifo").status == 2)
    }
}
