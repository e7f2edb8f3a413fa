import ArgumentParser
import SnapCore
import SnapDigest
import SnapTrees

struct Fsck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the store, or rebuild its catalogue.",
        discussion: """
            Examples:
              snapstore fsck                     catalogue, counts, and everything but file bytes
              snapstore fsck --read-data         all bytes too
              snapstore fsck --sample 5%         some of them
              snapstore fsck --repair            put wrong counts right
              snapstore fsck --rebuild-catalog   after the catalogue was lost

            Exits with 8 when it finds problems, and says what to do about them.
            """,
        aliases: ["check", "verify"])

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Read and hash all bytes.") var readData = false
    @Option(help: ArgumentHelp("Read and hash a part of them, picked at random: 5%.", valueName: "part")) var sample:
        Percentage?
    @Flag(help: "Put counts right that are wrong.") var repair = false
    @Flag(help: "Make the catalogue anew, from its last backup and the packs.") var rebuildCatalog = false
    @Flag(help: "With --rebuild-catalog and no backup: take every snapshot found, deleted ones too.") var adopt = false

    func run() throws {
        let output = Output(global)
        output.status("fsck")
        guard rebuildCatalog || !adopt else {
            throw StoreError(.invalid, "--adopt goes with --rebuild-catalog.")
        }
        if rebuildCatalog { try rebuild(output) }
        let watch = Stopwatch()
        let result = try check(openStore())
        for problem in result.problems {
            try output.item(
                "problem: \(RawText.printable(problem.message))",
                [("code", .text(problem.code)), ("message", .text(problem.message))])
        }
        for snapshot in result.damagedSnapshots {
            try output.item(
                "damaged: \(snapshot.displayName) (\(Format.short(snapshot.manifest)))",
                [
                    ("code", .text("snapshot_damaged")), ("id", .text(snapshot.id.description)),
                    ("name", .text(snapshot.displayName)), ("digest", .text(snapshot.manifest.description)),
                ])
        }
        let fields: [(String, JSONLine.Value)] = [
            ("objects", .integer(result.objects)), ("problems", .integer(Int64(result.problems.count))),
            ("objectsRead", .integer(result.objectsRead)), ("packs", .integer(result.packs)),
            ("repaired", .integer(result.repaired)),
            ("damagedSnapshots", .integer(Int64(result.damagedSnapshots.count))), ("seconds", .number(watch.seconds)),
        ]
        output.line(
            "\(Format.count(result.objects, "object")) in \(Format.count(result.packs, "pack")), "
                + "\(result.objectsRead) of them read: \(Format.count(Int64(result.problems.count), "problem")); "
                + Format.seconds(watch.seconds))
        if result.repaired > 0 { output.line("Put right: \(Format.count(result.repaired, "count"))") }
        try output.summary(result.advice, fields)
        if !result.problems.isEmpty { throw ExitStatus.corrupt }
    }

    /// A catalogue that cannot be opened is what a rebuild is for.
    private func openStore() throws -> Store {
        do {
            return try global.openStore()
        } catch let error as StoreError where error.code == .corrupt && error.hint == nil {
            throw StoreError(
                .corrupt, error.message,
                hint: "Make the catalogue anew, from its last backup and the packs: snapstore fsck --rebuild-catalog")
        }
    }

    private func check(_ store: Store) throws -> FsckResult {
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        progress.enter(.verifying)
        if readData {
            let sum = try store.statistics()
            progress.setTotals(
                entries: 0, bytes: UInt64(clamping: sum.heldBytes) &+ UInt64(clamping: sum.condemnedBytes))
        }
        var options = FsckOptions()
        options.readData = readData
        options.repair = repair
        options.samplePart = sample?.part ?? 0
        options.step = { objects, bytes in
            progress.add(entries: objects, bytes: bytes)
            try progress.check()
        }
        return try store.check(options)
    }

    private func rebuild(_ output: Output) throws {
        let result = try Store.rebuildCatalogue(path: global.storePath(), adopt: adopt, disk: CrashGate.disk())
        guard result.candidates.isEmpty else {
            for name in result.candidates { try output.item("found: \(name)", [("candidate", .text(name))]) }
            throw StoreError(
                .preconditionFailed,
                "There is no backup of the catalogue, so nobody knows which of these \(result.candidates.count) "
                    + "snapshots were deleted.",
                hint: "Add --adopt to take them all.")
        }
        for name in result.lost {
            output.warn(code: "snapshot_lost", "The snapshot \(name) is lost: some of its objects are gone.")
        }
        let source = result.backupMilliseconds.map { "the backup of \(Format.time(milliseconds: $0)) UTC and " } ?? ""
        output.line(
            "Rebuilt from \(source)\(Format.count(Int64(result.packs), "pack")): "
                + Format.count(Int64(result.snapshots.count), "snapshot"))
    }
}

extension FsckResult {
    /// What to type next, a line for each thing to do; empty when all is well.
    fileprivate var advice: String {
        var lines: [String] = []
        if !damagedSnapshots.isEmpty {
            let names = damagedSnapshots.prefix(20).map(\.displayName).joined(separator: " ")
            lines.append(
                "Next: capture the same content again, which heals what is damaged: snapstore create DIR NAME:TAG")
            lines.append("  or give up what cannot be healed: snapstore delete \(names) --yes")
        }
        let codes = Set(problems.map(\.code))
        if codes.contains("record_lost") {
            lines.append("Next: a record is written with each new snapshot: create or tag the same content again,")
            lines.append("  then delete the snapshot whose record is lost")
        } else if damagedSnapshots.isEmpty, !codes.isDisjoint(with: ["object_corrupt", "pack_missing"]) {
            lines.append("Next: no snapshot needs what is damaged; it goes with: snapstore gc --grace 0")
        }
        if damagedSnapshots.isEmpty, codes.contains("pack_corrupt") {
            lines.append("Next: what snapshots need can be read; copy them to a sound store:")
            lines.append("  snapstore export NAME:TAG - | snapstore import - --store PATH")
        }
        if codes.contains("count") { lines.append("Next: put the counts right: snapstore fsck --repair") }
        if !codes.isDisjoint(with: ["catalogue", "ledger", "object_missing", "pack_unknown"]) {
            lines.append("Next: make the catalogue anew, from its last backup and the packs:")
            lines.append("  snapstore fsck --rebuild-catalog")
        }
        if codes.contains("busy") { lines.append("Next: check again when fewer commands run: snapstore fsck") }
        return lines.joined(separator: "\n")
    }
}
