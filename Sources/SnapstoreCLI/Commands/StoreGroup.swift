import ArgumentParser
import SnapCore
import SnapTrees

struct StoreGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Copy the whole store to another place, and make a store of a copy.",
        subcommands: [BackupCommand.self, RestoreStoreCommand.self])
}

struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy the store as it is now, or bring such a copy up to date.",
        discussion: """
            Examples:
              snapstore store backup ./backup
              snapstore store backup ./backup            again: copies what is new
              snapstore store backup ./backup --verify   reads what is there, too

            Runs beside everything else. Until it has ended, gc removes no packs. Interrupted, the backup stays as it \
            was, and the same command goes on.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The directory of the backup: new, empty, or one of this store.", completion: .directory)
    var directory: String
    @Flag(help: "Read what the backup has already, and copy again what is damaged there.") var verify = false

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let watch = Stopwatch()
        guard !directory.isEmpty else { throw StoreError(.invalid, "The path of the directory is empty.") }
        let store = try global.openStore()
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        progress.enter(.writing)
        var options = BackupOptions()
        options.verify = verify
        options.onTotal = { progress.setTotals(entries: 0, bytes: $0) }
        options.step = { packs, bytes in
            progress.add(entries: packs, bytes: bytes)
            try progress.check()
        }
        let result = try store.backUp(to: directory, options)
        reporter.stop()
        for message in result.damage { output.warn(code: "damaged", message) }
        if !result.damage.isEmpty { output.note("See which snapshots it concerns with `snapstore fsck --read-data`.") }
        try output.summary(
            "\(Format.count(result.snapshots, "snapshot")), \(Format.bytes(result.packBytes)) in "
                + "\(Format.count(result.packs, "pack")); copied \(Format.bytes(result.copiedBytes)) in "
                + "\(result.copiedPacks), removed \(result.removedPacks); \(Format.seconds(watch.seconds))",
            [
                ("path", .text(RawText.printable(directory))),
                ("takenMilliseconds", .integer(result.takenMilliseconds)),
                ("snapshots", .integer(result.snapshots)), ("packs", .integer(result.packs)),
                ("packBytes", .integer(result.packBytes)), ("copiedPacks", .integer(result.copiedPacks)),
                ("copiedBytes", .integer(result.copiedBytes)), ("removedPacks", .integer(result.removedPacks)),
                ("seconds", .number(watch.seconds)),
            ])
    }
}

struct RestoreStoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a store from a backup.",
        discussion: """
            Examples:
              snapstore store restore ./backup --store ./again
              snapstore store restore ./backup --store ./copy --new-identity
              snapstore store restore ./backup --store ./checked --verify

            The store is made where --store says, where nothing may be. The packs' checksums are compared on the way; \
            --verify then reads all of it, as fsck --read-data does.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The directory of the backup.", completion: .directory) var directory: String
    @Flag(help: "Read and hash all bytes of the new store, and recount it.") var verify = false
    @Flag(help: "Give it an identity of its own: for a second store beside the first.") var newIdentity = false

    func run() throws {
        let output = Output(global)
        output.status(Self.name)
        let watch = Stopwatch()
        guard !directory.isEmpty else { throw StoreError(.invalid, "The path of the directory is empty.") }
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        progress.enter(.writing)
        let step: MaintenanceStep = { packs, bytes in
            progress.add(entries: packs, bytes: bytes)
            try progress.check()
        }
        var options = RestorationOptions()
        options.newIdentity = newIdentity
        options.onTotal = { progress.setTotals(entries: 0, bytes: $0) }
        options.step = step
        let path = try global.storePath()
        let result = try Store.restore(backup: directory, to: path, options, disk: CrashGate.disk())
        // Opening it ends what was under way when the backup was made.
        let store = try Store.open(path: path, create: false)
        var problems: [FsckProblem] = []
        if verify {
            progress.enter(.verifying)
            var options = FsckOptions()
            options.readData = true
            options.step = step
            problems = try store.check(options).problems
        }
        reporter.stop()
        for message in result.damage { output.warn(code: "damaged", message) }
        for problem in problems {
            try output.item(
                "problem: \(RawText.printable(problem.message))",
                [("code", .text(problem.code)), ("message", .text(problem.message))])
        }
        if !result.damage.isEmpty || !problems.isEmpty {
            output.note("See which snapshots it concerns with `snapstore fsck --read-data --store \(path)`.")
        }
        let snapshots = Int64(try store.statistics().snapshots)
        output.line(
            "The store of \(Format.time(milliseconds: result.takenMilliseconds)) UTC is at \(path): "
                + "\(Format.count(snapshots, "snapshot")), \(Format.bytes(result.packBytes)) in "
                + "\(Format.count(result.packs, "pack")); \(Format.seconds(watch.seconds))")
        do {
            try output.summary(
                "",
                [
                    ("path", .text(path)), ("store", .text(result.storeID)),
                    ("takenMilliseconds", .integer(result.takenMilliseconds)), ("snapshots", .integer(snapshots)),
                    ("packs", .integer(result.packs)), ("packBytes", .integer(result.packBytes)),
                    ("problems", .integer(Int64(problems.count))), ("seconds", .number(watch.seconds)),
                ])
        } catch let status as ExitStatus where status == .warnings && !problems.isEmpty {
            throw ExitStatus.corrupt
        }
        if !problems.isEmpty { throw ExitStatus.corrupt }
    }
}
