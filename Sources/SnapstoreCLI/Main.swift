import ArgumentParser
import Glibc
import SnapCore
import SnapIO

/// The command line. Exit codes: `docs/cli.md`.
struct Snapstore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapstore",
        abstract: "Snapshots of sandboxes: deduplicated, verified, restored anywhere.",
        discussion: """
            A snapshot freezes a directory tree, usually a root file system, under a name. Equal bytes are stored once.

            Examples:
              snapstore create ./root tools:1        capture ./root as tools:1
              snapstore list                         what there is
              snapstore restore tools:1 ./copy       write it out again
              snapstore diff tools:1 ./root          what has changed since

            The store is $SNAPSTORE_STORE, or ~/.local/share/snapstore; --store PATH overrides it.
            """,
        version: "0.1.0",
        subcommands: [
            Create.self, RestoreCommand.self, List.self, Log.self, Get.self, Env.self, Ls.self, Find.self, Du.self,
            Cat.self, Cp.self, Diff.self, Tag.self, Delete.self, Undelete.self, Protect.self, Expire.self, GC.self,
            Fsck.self, Stats.self, Export.self, Import.self, StoreGroup.self, OrgGroup.self,
            TokenGroup.self, Serve.self, Push.self, Pull.self, Share.self,
            CopyCommand.self, DoctorCommand.self,
            Config.self, Benchmark.self, Completions.self, Man.self,
        ])
}

@main
enum Main {
    static func main() {
        TextStream.secure()
        // A reader that went away is an error of the write, so that the command ends in order.
        signal(SIGPIPE, SIG_IGN)
        Interrupts.start()
        Kernel.raiseOpenFileLimit()
        Kernel.keepFreedMemory()
        let status = run(RawText.arguments())
        if TextStream.isReaderGone {
            // As any tool in a pipe whose reader has seen enough.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
        }
        exit(status)
    }

    private static func run(_ arguments: [String]) -> Int32 {
        var command: (any StoreCommand)?
        do {
            var parsed = try Snapstore.parseAsRoot(CommandWords.arranged(arguments))
            command = parsed as? any StoreCommand
            if command?.writesData == true { JSONLines.stream = .error }
            if command != nil, !(parsed is any WorksWithoutConfiguration) { try Settings.check() }
            try RawText.refuse(arguments, but: (parsed as? any TakesBytes)?.byteArguments ?? [])
            try parsed.run()
            return 0
        } catch let error as StoreError {
            guard !TextStream.isReaderGone else { return ExitStatus.failed.rawValue }
            Failure.report(
                error.code == .interrupted
                    ? StoreError(.interrupted, error.message, hint: command?.interruptionHint) : error,
                asJSON: command?.global.json ?? CommandWords.wantJSON(arguments),
                command: command.map { type(of: $0).name })
            return ExitStatus.of(error.code).rawValue
        } catch let status as ExitStatus {
            return status.rawValue
        } catch {
            return finish(error, asJSON: CommandWords.wantJSON(arguments))
        }
    }

    /// What the parser has to say: help goes to standard output with exit 0, a mistake in usage exits with 2.
    private static func finish(_ error: any Error, asJSON: Bool) -> Int32 {
        let text = RawText.printable(Snapstore.fullMessage(for: error))
        if Snapstore.exitCode(for: error) == .success {
            do throws(StoreError) {
                try TextStream.output.put(text + "\n")
                return 0
            } catch {
                if !TextStream.isReaderGone { Failure.report(error, asJSON: false, command: nil) }
                return ExitStatus.failed.rawValue
            }
        }
        if asJSON {
            try? JSONLines.begin(nil)
            try? JSONLines.write(.error(code: "usage", message: Snapstore.message(for: error), hint: nil))
        }
        TextStream.error.write(text + "\n")
        return ExitStatus.usage.rawValue
    }
}
