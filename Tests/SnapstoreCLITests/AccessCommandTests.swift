import TestSupport
import Testing

/// `org` and `token` from a shell.
@Suite struct AccessCommandTests {
    @Test func aTokenIsAllThatIsPrinted() throws {
        let bench = try CommandBench()
        #expect(try bench.done("snapstore org create acme").contains("snapstore token create --org acme"))
        let made = try bench.shell("snapstore token create --org acme --scope read:snapshots --expires 90d")
        #expect(made.status == 0 && made.output.wholeMatch(of: /snap_[0-9a-f]{72}\n/) != nil)
        #expect(made.errors.contains("not shown again") && !made.errors.contains(made.output))
        let quiet = try bench.shell("snapstore token create --org acme --scope read:usage --subject ci -q")
        #expect(quiet.output.wholeMatch(of: /snap_[0-9a-f]{72}\n/) != nil && quiet.errors.isEmpty)
        let list = try bench.done("snapstore token list --org acme")
        #expect(list.contains("ci") && list.contains("read:usage") && !list.contains("snap_"))
        #expect(try bench.done("snapstore org list") == "acme\n")
    }

    @Test func whatIsRevokedStaysListed() throws {
        let bench = try CommandBench()
        try bench.done("snapstore org create acme -q && snapstore token create --org acme --scope read:usage -q")
        try bench.done("snapstore token revoke $(\(JSONTests.tokenID))")
        let token = try #require(bench.lines("snapstore token list --json").dropFirst().first)
        #expect(token["revokedMilliseconds"] as? Int != nil && token["expiresMilliseconds"] is Int == false)
        #expect(try bench.done("snapstore token list").contains("revoked 2"))
    }

    @Test(
        arguments: [
            ("org create acme", 6, "org list"), ("org create Acme", 2, "no name for an organisation"),
            ("org create public", 2, "public"), ("token create --org nobody --scope read:usage", 4, "nobody"),
            ("token create --org acme --scope read", 2, "read:snapshots, write:snapshots"),
            ("token create --org acme --scope read:usage --expires soon", 2, "soon"),
            ("token create --org acme", 2, "--scope"), ("token revoke 00", 4, "token list"),
            ("token list --org nobody", 4, "nobody"), ("token list --store none", 4, "There is no store at"),
        ])
    func mistakesAreNamed(_ command: String, _ status: Int, _ message: String) throws {
        let bench = try CommandBench()
        try bench.done("snapstore org create acme -q")
        let run = try bench.shell("snapstore \(command)")
        #expect(run.status == Int32(status) && run.errors.contains(message), "\(run.status): \(run.errors)")
    }

    /// Organisations share a store, and see nothing of each other.
    @Test func anotherOrganisationsSnapshotsAreNotThere() throws {
        let bench = try CommandBench()
        try bench.done("snapstore org create acme -q && snapstore create root a:1 -q")
        #expect(try bench.shell("snapstore get acme/a:1").status == 4)
        #expect(try bench.done("snapstore org list") == "acme\nlocal\n")
        try bench.expectSound("with two organisations")
    }
}
