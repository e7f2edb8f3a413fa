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

              snapstore create ./root tools:1        capture ./root as tools:1
              snapstore list                         what there is
              snapstore restore tools:1 ./copy       write it out again
              snapstore diff tools:1 ./root          what has changed since

            The store is $SNAPSTORE_STORE, or ~/.local/share/snapstore; --store PATH overrides it.
            """,
        version: "0.1.0",
        subcommands: [
            Create.self, RestoreCommand.self, List.self, Get.self, Ls.self, Cat.self, Diff.self, Tag.self, Delete.self,
            GC.self, Fsck.self, Stats.self, Export.self, Import.self,
        ])
}

@main
enum Main {
    static func main() {
        // A reader that went away is an error of the write, not a death.
        signal(SIGPIPE, SIG_IGN)
        Kernel.raiseOpenFileLimit()
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            var command = try Snapstore.parseAsRoot(arguments)
            try command.run()
        } catch let error as StoreError {
            Failure.report(error, asJSON: arguments.contains("--json"))
            exit(ExitStatus.of(error.code).rawValue)
        } catch let status as ExitStatus {
            exit(status.rawValue)
        } catch {
            finish(error, arguments)
        }
        exit(0)
    }

    /// What the parser has to say: help goes to standard output with exit 0, a mistake in usage exits with 2.
    private static func finish(_ error: any Error, _ arguments: [String]) -> Never {
        let text = Snapstore.fullMessage(for: error)
        if Snapstore.exitCode(for: error) == .success {
            print(text)
            exit(0)
        }
        if arguments.contains("--json") {
            JSONLine.error(code: "usage", message: Snapstore.message(for: error), hint: nil).write(to: .output)
        }
        TextStream.error.write(text + "\n")
        exit(ExitStatus.usage.rawValue)
    }
}
