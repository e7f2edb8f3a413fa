import ArgumentParser
import Glibc
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import Snapstore

struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Capture a directory as a snapshot.",
        discussion: """
            Examples:
              snapstore create ./root tools:1
              snapstore create / machine --one-file-system --exclude /var/cache
              snapstore create ./fixture bench:7 --mtime EPOCH --owner 0:0
              snapstore create ./root app:1 --env PATH=/bin --workdir / --entrypoint /init

            Files that did not change since the last capture of the same directory are not read again.
            """,
        aliases: ["save", "backup"])

    @OptionGroup var global: GlobalOptions
    @Argument(help: "The directory to capture.") var directory: ByteArgument
    @Argument(help: "NAME or NAME:TAG; without a tag, latest.") var reference: String

    @Option(help: "filesystem or directory; given a configuration, filesystem.") var kind: String?
    @Option(help: ArgumentHelp("Set a variable of the environment.", valueName: "name=value"))
    var env: [ByteArgument] = []
    @Option(help: ArgumentHelp("Read variables from a file, NAME=VALUE a line.", valueName: "file"))
    var envFile: [String] = []
    @Option(help: ArgumentHelp("Working directory of processes.", valueName: "path")) var workdir: ByteArgument?
    @Option(help: ArgumentHelp("User of processes.", valueName: "user")) var user: ByteArgument?
    @Option(help: ArgumentHelp("A word of the command to start; repeat for each.", valueName: "word"))
    var entrypoint: [ByteArgument] = []
    @Option(help: ArgumentHelp("What it runs on, for example linux/amd64.", valueName: "os/arch")) var platform: String?
    @Option(help: ArgumentHelp("Label the snapshot.", valueName: "key=value")) var label: [String] = []
    @Option(help: ArgumentHelp("Leave out what a pattern matches, as in .gitignore.", valueName: "pattern"))
    var exclude: [ByteArgument] = []
    @Flag(help: "Keep directories on other file systems empty.") var oneFileSystem = false
    @Option(
        help: ArgumentHelp(
            "Times to store: keep, EPOCH, or @SECONDS (default: keep, or $SOURCE_DATE_EPOCH).", valueName: "time"))
    var mtime: String?
    @Option(help: ArgumentHelp("Owner to store for everything, in numbers.", valueName: "uid:gid")) var owner: String?
    @Flag(help: "Read every file, whatever its times say.") var rehash = false
    @Option(
        help: ArgumentHelp("Directory of an engine's checkpoint files, stored with the snapshot.", valueName: "dir"))
    var checkpoint: String?
    @Option(help: ArgumentHelp("A checkpoint file that is a memory image.", valueName: "name"))
    var pages: [ByteArgument] = []
    @Option(help: ArgumentHelp("Name of the engine that made the checkpoint.", valueName: "name")) var engine: String?
    @Option(help: ArgumentHelp("Its version.", valueName: "text")) var engineVersion: String?
    @Option(help: ArgumentHelp("The processor it needs (default: this machine's).", valueName: "text")) var cpu: String?
    @Option(help: ArgumentHelp("The kernel it needs (default: this machine's).", valueName: "text")) var kernel: String?
    @Option(
        help: ArgumentHelp(
            "The snapshot that this one came from; of a checkpoint, the base that it belongs to.",
            valueName: "reference"))
    var parent: String?
    @Option(help: ArgumentHelp("Set the tag only if it names this digest now, or none.", valueName: "digest"))
    var ifMatch: String?
    @Flag(help: "Move a tag that names other content.") var force = false
    @Option(help: ArgumentHelp("Let gc delete it after so long: 12h, 7d.", valueName: "time")) var expires: Expiry?

    func run() throws {
        let output = Output(global)
        output.status("create")
        let watch = Stopwatch()
        let (name, tag) = try SnapshotResolver.parseName(reference, org: GlobalOptions.org)
        var operation = CreateOperation(capture: try captureOptions())
        operation.ifMatch = try ifMatch.map(parseMatch)
        operation.force = force
        operation.labels = try label.map(parseLabel)
        try directory.checkIsDirectory(allowingFile: checkpoint != nil)
        let store = try global.openStore(create: true)
        operation.expiresMilliseconds = expires?.span.map { store.nowMilliseconds() + $0.milliseconds }
        operation.parent = try parent.map { try global.resolve($0, in: store) }
        operation.capture.checkpoint?.base = operation.parent?.manifest
        let progress = Progress()
        let reporter = ProgressReporter(progress, global)
        defer { reporter.stop() }
        let result = try operation.run(
            store, org: GlobalOptions.org, directory: directory.bytes, name: name, tag: tag, progress: progress,
            onSettling: { output.note("Finishing first: \($0)") })
        reporter.stop()
        if !result.isNew, expires != nil {
            try store.setExpires(
                milliseconds: operation.expiresMilliseconds, id: result.snapshot.id, org: GlobalOptions.org)
        }
        try report(result, output, tag: "\(name):\(tag)", seconds: watch.seconds)
    }

    private func report(_ result: CreateOperation.Result, _ output: Output, tag: String, seconds: Double) throws {
        output.warn(result.captured.warnings)
        for notice in result.captured.notices { output.note(notice) }
        let snapshot = result.snapshot
        if !result.isNew {
            output.line("\(tag) has this content already: \(snapshot.manifest)")
        } else if let replaced = result.replaced {
            output.line("\(tag) is now \(snapshot.manifest)\n  before \(replaced)")
        } else {
            output.line("\(tag) is \(snapshot.manifest)")
        }
        output.line(
            "\(Format.count(snapshot.fileCount, "file")), \(Format.bytes(snapshot.logicalBytes)); new: \(Format.bytes(result.newBytes)), "
                + "stored in \(Format.bytes(result.storedBytes)); \(Format.seconds(seconds))")
        try output.summary(
            result.isNew ? "Next: snapstore ls \(tag)" : "",
            [
                ("id", .text(snapshot.id.description)), ("digest", .text(snapshot.manifest.description)),
                ("logicalBytes", .integer(snapshot.logicalBytes)), ("uniqueBytes", .integer(result.uniqueBytes)),
                ("newBytes", .integer(result.newBytes)), ("storedBytes", .integer(result.storedBytes)),
                ("fileCount", .integer(snapshot.fileCount)), ("chunkCount", .integer(snapshot.chunkCount)),
                ("isNew", .flag(result.isNew)),
                ("replaced", result.replaced.map { .text($0.description) } ?? .null),
                ("seconds", .number(seconds)),
            ])
    }
}

// MARK: Options

extension Create {
    private func captureOptions() throws -> CaptureOptions {
        try StoreError.invalidIfMalformed {
            let config = try configuration()
            let platform = try parsePlatform()
            let hasConfig = !config.isEmpty || platform != nil
            var options = CaptureOptions(kind: try parseKind(hasConfig: hasConfig))
            options.config = config
            options.platform = options.kind == .directory ? nil : platform ?? .host
            options.exclude = ExcludePatterns(lines: exclude.map(\.bytes))
            options.oneFileSystem = oneFileSystem
            options.times = try times()
            options.owner = try owner.map { try OwnerOverride.parse($0) }
            options.rehash = rehash
            options.checkpoint = try checkpointOptions()
            return options
        }
    }

    private func parseKind(hasConfig: Bool) throws -> Manifest.Kind {
        if checkpoint != nil, kind == nil { return .checkpoint }
        guard let kind else { return hasConfig ? .filesystem : .directory }
        guard checkpoint == nil else {
            throw FormatError(.range, "A checkpoint has a kind of its own: leave out --kind.")
        }
        guard let parsed = Manifest.Kind(rawValue: kind), parsed != .checkpoint else {
            throw FormatError(.range, "`\(kind)` is no kind: use filesystem or directory, or give --checkpoint DIR.")
        }
        guard parsed == .filesystem || !hasConfig else {
            throw FormatError(.range, "A directory has no configuration: leave out --kind directory.")
        }
        return parsed
    }

    private func configuration() throws -> Manifest.Config {
        var list = EnvironmentList()
        for path in envFile {
            do {
                try list.add(file: try Kernel.readFile(path, limit: 1 << 20))
            } catch let error as IOError {
                throw StoreError(mapping: error)
            }
        }
        for assignment in env { try list.add(assignment: assignment.bytes) }
        var config = Manifest.Config()
        config.environment = list.variables
        config.entrypoint = entrypoint.map(\.bytes)
        config.user = user?.bytes
        config.workingDirectory = workdir?.bytes
        return config
    }

    private func parsePlatform() throws -> Manifest.Platform? {
        guard let platform else { return nil }
        let parts = platform.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw FormatError(.range, "`\(platform)` is no platform: use OS/ARCHITECTURE, for example linux/amd64.")
        }
        return Manifest.Platform(architecture: String(parts[1]), os: String(parts[0]))
    }

    private func times() throws -> TimePolicy {
        if let mtime { return try TimePolicy.parse(mtime) }
        guard let epoch = environment("SOURCE_DATE_EPOCH") else { return .keep }
        return try TimePolicy.parse(sourceDateEpoch: epoch)
    }

    private func checkpointOptions() throws -> CheckpointOptions? {
        guard let checkpoint else {
            guard pages.isEmpty, engine == nil, engineVersion == nil, cpu == nil, kernel == nil else {
                throw FormatError(
                    .range,
                    "--pages, --engine, --engine-version, --cpu and --kernel describe a checkpoint: give its "
                        + "directory with --checkpoint.")
            }
            return nil
        }
        var options = CheckpointOptions(directory: checkpoint)
        options.pages = Set(pages.map(\.bytes))
        options.engine = engine
        options.version = engineVersion
        options.cpu = cpu ?? Machine.processor
        options.kernel = kernel ?? Machine.kernelRelease
        return options
    }

    private func parseLabel(_ text: String) throws -> SnapshotRecord.Label {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, SnapshotName.isValidLabelKey(String(parts[0])) else {
            throw StoreError(
                .invalid, "`\(escaped(Array(text.utf8)))` is no label: use KEY=VALUE with a-z, 0-9 and . _ / - in KEY.")
        }
        return SnapshotRecord.Label(key: String(parts[0]), value: String(parts[1]))
    }
}

/// `none` or a digest.
func parseMatch(_ text: String) throws -> SnapshotDraft.Match {
    if text == "none" { return .none }
    guard let digest = Digest(text) else {
        throw StoreError(.invalid, "`\(escaped(Array(text.utf8)))` is neither a digest (sha256:…) nor none.")
    }
    return .manifest(digest.description)
}

extension StoreError {
    /// What a user typed, rather than what is stored, is malformed.
    static func invalidIfMalformed<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as FormatError {
            throw StoreError(.invalid, error.message)
        }
    }
}

extension Create: TakesBytes {
    var byteArguments: [ByteArgument] {
        [directory] + env + entrypoint + exclude + pages + [workdir, user].compactMap { $0 }
    }
}
