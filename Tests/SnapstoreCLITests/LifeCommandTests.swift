import TestSupport
import Testing

/// `protect`, `expire`, `undelete` and `delete --purge` from a shell.
@Suite struct LifeCommandTests {
    @Test func aProtectedSnapshotStopsADeleteOfSeveralBeforeItBegins() throws {
        let bench = try CommandBench()
        try bench.done(
            "snapstore create root a:1 -q; echo x > root/x; snapstore create root b:1 -q; snapstore protect b:1")
        let run = try bench.shell("snapstore delete a:1 b:1 --yes")
        #expect(run.status == 6 && run.errors.contains("snapstore protect b:1 --off"), "\(run.errors)")
        #expect(try bench.summary("snapstore list --json")["count"] as? Int == 2)
        #expect(try bench.summary("snapstore get b:1 --json")["protected"] as? Bool == true)
        try bench.done("snapstore protect b:1 --off && snapstore delete a:1 b:1 --yes")
        #expect(try bench.summary("snapstore list --json")["count"] as? Int == 0)
    }

    @Test func whatWasDeletedComesBackAsItWas() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q --label x=y; cp -a root was; snapstore delete a:1 -q")
        let item = try #require(bench.lines("snapstore list --deleted --json").dropFirst().first)
        #expect(item["tags"] as? [String] == ["a:1"])
        let id = try #require(item["id"] as? String)
        #expect(try bench.summary("snapstore undelete \(id) --json")["tags"] as? [String] == ["1"])
        try bench.done("snapstore restore a:1 copy -q && diff -r was copy && snapstore list --label x=y | grep -q a:1")
        let again = try bench.shell("snapstore undelete a:1")
        #expect(again.status == 4 && again.errors.contains("list --deleted"))
        // A tag that names something else by now stays there, and the command says so.
        try bench.done("snapstore delete a:1 -q; echo new > root/new; snapstore create root a:1 -q")
        let taken = try bench.shell("snapstore undelete \(item["digest"] as? String ?? "")")
        #expect(taken.status == 3 && taken.errors.contains("a:1"), "\(taken.errors)")
        #expect(try bench.summary("snapstore list --untagged --json")["count"] as? Int == 1)
        try bench.expectSound("after undelete")
    }

    @Test func allTagsThatGoTogetherComeBackTogether() throws {
        let bench = try CommandBench()
        try bench.done(
            """
            snapstore create root t:1 -q; for tag in 2 3 latest; do snapstore tag t:1 t:$tag -q; done
            snapstore delete t:3 -q; snapstore delete t:1 t t:2 t:latest --yes -q
            """)
        #expect(try bench.summary("snapstore list --json")["count"] as? Int == 0)
        let back = try bench.summary("snapstore undelete t:1 --json")
        #expect(Set(back["tags"] as? [String] ?? []) == ["1", "2", "latest"])
        // Some of them, and the others stay; a digest beside a tag is the whole snapshot.
        let some = try bench.lines("snapstore delete t:1 t:2 --yes --json")
        #expect(some.filter { $0["deleted"] as? Bool == false }.compactMap { $0["tag"] as? String } == ["t:1", "t:2"])
        #expect(try bench.summary("snapstore get t --json")["tags"] as? [String] == ["latest"])
        let digest = try bench.digest("t")
        #expect(try bench.summary("snapstore delete t \(digest) --yes --json")["deleted"] as? Int == 1)
        try bench.expectSound("after all")
    }

    @Test func anExpiredSnapshotGoesWithTheNextCollection() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q --expires 7d")
        #expect(try bench.summary("snapstore get a:1 --json")["expiresMilliseconds"] as? Int != nil)
        #expect(try bench.done("snapstore gc").contains("expired") == false)
        // The same content again, and another word on how long.
        try bench.done("snapstore create root a:1 -q --expires never")
        #expect(try bench.summary("snapstore get a:1 --json")["expiresMilliseconds"] as? Int == nil)
        try bench.done("snapstore expire a:1 0")
        #expect(try bench.done("snapstore gc --dry-run").contains("a:1"))
        #expect(try bench.summary("snapstore gc --json")["expiredSnapshots"] as? Int == 1)
        #expect(try bench.summary("snapstore list --json")["count"] as? Int == 0)
        try bench.done("snapstore undelete a:1 -q")
        for wrong in ["soon", "-1d", "7", ""] where wrong != "7" {
            #expect(try bench.shell("snapstore expire a:1 -- '\(wrong)'").status == 2, "\(wrong)")
        }
    }

    @Test func aPurgeIsDoneAtOnce() throws {
        let bench = try CommandBench()
        try bench.done("snapstore create root a:1 -q")
        let summary = try bench.summary("snapstore delete a:1 --purge --json")
        #expect((summary["freedBytes"] as? Int ?? 0) > 150_000)
        #expect(try bench.summary("snapstore stats --json")["packs"] as? Int == 0)
        #expect(try bench.shell("snapstore undelete a:1").status == 4)
        try bench.expectSound("after purge")
    }
}
