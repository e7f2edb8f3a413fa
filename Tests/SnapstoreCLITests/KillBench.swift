import SnapIO
import Synchronization
import TestSupport
import Testing

/// A command that is killed on its way, on copies of a store that was made for it.
final class KillBench: Sendable {
    /// Commands that change a store, and one that reads it.
    enum Life: String, CaseIterable, Sendable {
        case first, next, tag, delete, undelete, purge, collect, `import`, restore

        /// Makes what is there before the command. `touch` changes a file that is captured.
        var script: String {
            let two = "touch 1; snapstore create root x:1; touch 2; snapstore create root x:2; "
            return switch self {
            case .first: ""
            case .next: "touch 1; snapstore create root x:1; touch 2"
            case .tag, .delete, .purge, .restore: two
            case .undelete: two + "snapstore delete x:1"
            // Small packs that are merged, and one of which a part is let go.
            case .collect:
                two + "for i in 3 4 5 6 7 8 9 10; do touch $i; rm -f root/once; snapstore create root x:$i; done; "
                    + "snapstore delete x:1 x:4 --yes"
            case .import: two + "snapstore export x:1 x.snap; snapstore delete x:1 --purge"
            }
        }

        /// The command; `DIRECTORY` stands for that of the bench, `TARGET` for a place of its own.
        var command: [String] {
            switch self {
            case .first: ["create", "DIRECTORY/root", "x:1"]
            case .next: ["create", "DIRECTORY/root", "x:2"]
            case .tag: ["tag", "x:1", "x:stable"]
            case .delete: ["delete", "x:1"]
            case .undelete: ["undelete", "x:1"]
            case .purge: ["delete", "x:1", "--purge"]
            case .collect: ["gc", "--grace", "0"]
            case .import: ["import", "DIRECTORY/x.snap", "x:3"]
            case .restore: ["restore", "x:1", "TARGET"]
            }
        }

        /// Exit codes of the same command after one that was killed: what took effect before the kill is not found again.
        var codesAgain: Set<Int32> {
            switch self {
            case .delete, .undelete, .purge: [0, 4]
            case .first, .next, .tag, .collect, .import: [0]
            // Killed as it ended its session, it had made the copy, and does not make it once more.
            case .restore: [0, 6]
            }
        }
    }

    let life: Life
    private let bench: CommandBench
    private let before: Set<String>
    /// Set once the command has run through.
    private let after = Mutex<Set<String>>([])
    private let copies = Atomic<Int>(0)

    init(_ life: Life) throws {
        self.life = life
        bench = try CommandBench()
        var generator = SeededGenerator(seed: 7)
        for (name, count) in [("once", 30_000), ("kept", 20_000), ("sub/b", 300), ("empty", 0)] {
            try bench.write("root/" + name, generator.bytes(count))
        }
        // The same times on every run.
        let touch =
            "touch() { echo $1$1$1 > root/changing; command touch -d @$((1700000000 + $1)) root/changing root; }"
        try bench.done("set -e; \(touch)\n{ :; \(life.script)\n} > made")
        before = try Self.listing(bench.binary)
        let whole = try copy()
        let run = try whole.run()
        guard run.status == 0 else { throw Command.Failure(description: "\(life): \(run.errors)") }
        let listed = try Self.listing(whole.binary)
        after.withLock { $0 = listed }
    }

    /// Tags with the digests that they name; nothing where no store is.
    private static func listing(_ binary: SnapstoreBinary) throws -> Set<String> {
        guard Kernel.exists(binary.store + "/FORMAT") else { return [] }
        var found: Set<String> = []
        for line in try JSONText.lines(binary.run("list", "--json").output) {
            guard let digest = line["digest"] as? String else { continue }
            for tag in line["tags"] as? [String] ?? [] { found.insert("\(tag)=\(digest.suffix(12))") }
        }
        return found
    }

    /// A fresh copy of the store, to be broken.
    func copy() throws -> Copy {
        let directory = bench.directory.file("copy\(copies.add(1, ordering: .relaxed).newValue)")
        try Kernel.makeParentDirectories(of: directory + "/x")
        if Kernel.exists(bench.store) {
            let run = try Command.run("/bin/cp", ["-a", bench.store, directory + "/store"])
            guard run.status == 0 else { throw Command.Failure(description: run.errors) }
        }
        let arguments = life.command.map {
            $0.replacing("DIRECTORY", with: bench.directory.path).replacing("TARGET", with: directory + "/target")
        }
        return Copy(
            directory: directory, binary: try SnapstoreBinary(store: directory + "/store"), arguments: arguments,
            bench: self)
    }

    final class Copy {
        let directory: String
        let binary: SnapstoreBinary
        let arguments: [String]
        private let bench: KillBench

        fileprivate init(directory: String, binary: SnapstoreBinary, arguments: [String], bench: KillBench) {
            self.directory = directory
            self.binary = binary
            self.arguments = arguments
            self.bench = bench
        }

        deinit { TemporaryDirectory.removeAll(directory) }

        /// Runs the command itself.
        func run(environment: [String: String] = [:]) throws -> Command {
            try binary.run(arguments, environment: environment)
        }

        /// Runs it as the last arguments of another program.
        func run(under tracer: [String], environment: [String: String] = [:]) throws -> Command {
            let words = Array(tracer.dropFirst()) + [binary.path] + arguments + ["--store", binary.store]
            return try Command.run(tracer[0], words, environment: environment)
        }

        /// What is wrong after the command was killed: nothing needs a repair, and the same command goes through.
        func losses() throws -> [String] {
            let after = bench.after.withLock { $0 }
            if Kernel.exists(binary.store + "/FORMAT") {
                let check = try binary.run("fsck", "--read-data")
                guard check.status == 0 else { return ["fsck: \(check.output)\(check.errors)"] }
                let found = try KillBench.listing(binary)
                guard found == bench.before || found == after else { return ["there is \(found)"] }
            } else if !bench.before.isEmpty {
                return ["the store is gone"]
            }
            let again = try run()
            guard bench.life.codesAgain.contains(again.status) else {
                return ["again: exit \(again.status): \(again.errors)"]
            }
            let found = try KillBench.listing(binary)
            guard found == after else { return ["again: there is \(found), not \(after)"] }
            if bench.life == .restore {
                let same = try Command.run("/usr/bin/test", ["-s", directory + "/target/kept"])
                guard same.status == 0, !Kernel.exists(directory + "/target/.snapstore-incomplete") else {
                    return ["again: the copy is not whole"]
                }
            }
            let check = try binary.run("fsck", "--read-data")
            return check.status == 0 ? [] : ["fsck, again: \(check.output)\(check.errors)"]
        }
    }
}
