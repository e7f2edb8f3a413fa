import ArgumentParser
import SnapCore

struct Fsck: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check the store, or rebuild its catalogue.",
        discussion: """
            Examples:
              snapstore fsck                     catalogue, counts, and everything but file bytes
              snapstore fsck --read-data         all bytes too
              snapstore fsck --sample 5%         some of them
              snapstore fsck --rebuild-catalog   after the catalogue was lost
            """,
        aliases: ["check", "verify"])

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Read and hash all bytes.") var readData = false
    @Option(help: "Read and hash a part of them, picked at random: 5%.") var sample: Percentage?
    @Flag(help: "Make the catalogue anew, from its last backup and the packs.") var rebuildCatalog = false
    @Flag(help: "With --rebuild-catalog and no backup: take every snapshot found, deleted ones too.") var adopt = false

    func run() throws {
        let output = Output(global)
        output.status("fsck")
        if rebuildCatalog { try rebuild(output) }
        let watch = Stopwatch()
        let store = try global.openStore()
        var options = FsckOptions()
        options.readData = readData
        options.samplePart = sample?.part ?? 0
        let result = try store.check(options)
        for problem in result.problems {
            output.item(
                "problem: \(problem.message)", [("code", .text(problem.code)), ("message", .text(problem.message))])
        }
        for snapshot in result.damagedSnapshots {
            output.item(
                "damaged: \(snapshot.displayName) (\(Format.short(snapshot.manifest)))",
                [("code", .text("snapshot_damaged")), ("id", .text(snapshot.id.description))])
        }
        let fields: [(String, JSONLine.Value)] = [
            ("objects", .integer(result.objects)), ("problems", .integer(Int64(result.problems.count))),
            ("objectsRead", .integer(result.objectsRead)), ("packs", .integer(result.packs)),
            ("damagedSnapshots", .integer(Int64(result.damagedSnapshots.count))), ("seconds", .number(watch.seconds)),
        ]
        try output.summary(
            "\(result.objects) objects in \(result.packs) packs, \(result.objectsRead) of them read: "
                + "\(result.problems.count) problems; \(Format.seconds(watch.seconds))", fields)
        if !result.problems.isEmpty { throw ExitStatus.corrupt }
    }

    private func rebuild(_ output: Output) throws {
        let result = try Store.rebuildCatalogue(path: global.storePath, adopt: adopt, disk: CrashGate.disk())
        guard result.candidates.isEmpty else {
            for name in result.candidates { output.item("found: \(name)", [("candidate", .text(name))]) }
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
        output.line("Rebuilt from \(source)\(result.packs) packs: \(result.snapshots.count) snapshots")
    }
}

/// A part of a whole, as `5%`.
struct Percentage: ExpressibleByArgument {
    let part: Double

    init?(argument: String) {
        guard argument.hasSuffix("%"), let number = Double(argument.dropLast()), (0...100).contains(number) else {
            return nil
        }
        part = number / 100
    }
}
