import ArgumentParser
import SnapCore
import SnapTrees

struct GC: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Free what no snapshot holds any more.",
        discussion: """
            Examples:
              snapstore gc                       what was let go more than a day ago
              snapstore gc --grace 0             everything, at once
              snapstore gc --dry-run             what would be freed now and later
              snapstore gc --compact             and put together what is scattered

            --compact reads the metadata of all snapshots, and moves objects of those that are scattered over the packs, \
            so that what a snapshot needs lies together in its order, the newest first. It needs room for the copies \
            until it has ended. `snapstore get REF --fragmentation` shows the outcome.

            Runs beside everything else; nothing waits for it.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(
        help: ArgumentHelp(
            "Keep what was let go more recently than this: 0, 30m, 24h, 7d (default: 24h).", valueName: "time"))
    var grace: TimeSpan?
    @Flag(help: "Say what would be freed, and free nothing.") var dryRun = false
    @Flag(help: "Put together the objects of snapshots that are scattered over the packs.") var compact = false

    func run() throws {
        let output = Output(global)
        output.status("gc")
        let watch = Stopwatch()
        let store = try global.openStore()
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        progress.enter(.collecting)
        var options = GCOptions()
        options.graceMilliseconds = try (grace ?? Settings.gcGrace().span).milliseconds
        options.dryRun = dryRun
        if compact { options.compact = CompactionRule() }
        options.step = { objects, bytes in
            progress.add(entries: objects, bytes: bytes)
            try progress.check()
        }
        let result = try store.collectGarbage(options)
        reporter.stop()
        for name in result.expiredSnapshots {
            try output.item(
                dryRun ? "Has expired and would be deleted: \(name)" : "Deleted \(name), which has expired",
                [("expired", .text(name)), ("deleted", .flag(!dryRun))])
        }
        explainRest(result, output)
        if compact {
            let moved = "\(Format.bytes(result.compactedBytes)) (before compression)"
            let what = Format.count(result.compactedSnapshots, "snapshot")
            output.line(dryRun ? "Would move \(moved) for \(what)" : "Moved \(moved) for \(what)")
        }
        let packs = "\(Format.count(result.deletedPacks, "pack")) removed, \(result.rewrittenPacks) of them rewritten"
        try output.summary(
            dryRun
                ? "Would free about \(Format.bytes(result.freedBytes)): \(packs)"
                : "Freed \(Format.bytes(result.freedBytes)): \(packs); \(Format.seconds(watch.seconds))",
            [
                ("freedBytes", .integer(result.freedBytes)), ("laterBytes", .integer(result.laterBytes)),
                ("laterAt", result.laterAtMilliseconds.map { .integer($0) } ?? .null),
                ("expiredSnapshots", .integer(Int64(result.expiredSnapshots.count))),
                ("deletedObjects", .integer(result.deletedObjects)), ("deletedPacks", .integer(result.deletedPacks)),
                ("compactedSnapshots", .integer(result.compactedSnapshots)),
                ("compactedBytes", .integer(result.compactedBytes)),
                ("seconds", .number(watch.seconds)),
            ])
    }

    private func explainRest(_ result: GCResult, _ output: Output) {
        for reason in result.reasons { output.line(reason) }
        if result.laterBytes > 0 {
            let when = result.laterAtMilliseconds.map { " after \(Format.time(milliseconds: $0)) UTC" } ?? ""
            output.line(
                "\(Format.bytes(result.laterBytes)) (before compression) can go\(when); "
                    + "to free it now: snapstore gc --grace 0")
        }
        if result.unusedBytes > 0 {
            output.line(
                "\(Format.bytes(result.unusedBytes)) (before compression) in packs is unused and stays: "
                    + "too little to be worth a rewrite")
        }
    }
}
