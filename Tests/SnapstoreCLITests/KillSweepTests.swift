import SnapIO
import Synchronization
import TestSupport
import Testing

/// `kill -9` of the real program on its way: at each of its durable operations, and at system calls, those of SQLite
/// included. The next command recovers by itself.
@Suite(.serialized) struct KillSweepTests {
    @Test(arguments: KillBench.Life.allCases)
    func aKillAtAnyGateNeedsNoRepair(_ life: KillBench.Life) throws {
        let proof = Proof("P4")
        let sweep = KillSweep(bench: try KillBench(life), proof: proof)
        try sweep.run("gates of \(life.rawValue)") { gate, copy in
            try copy.run(environment: ["SNAPSTORE_KILL_AT_GATE": String(gate)])
        }
        let lost = proof.report("kill -9 at every gate of \(life.rawValue)")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried >= 2)
    }

    @Test(.enabled(if: Strace.works, "skipped: no strace"), arguments: KillBench.Life.allCases)
    func everyDurableOperationPassesAGate(_ life: KillBench.Life) throws {
        let copy = try KillBench(life).copy()
        let (trace, counts) = (copy.directory + "/trace", copy.directory + "/gates")
        let run = try copy.run(
            under: ["/usr/bin/strace", "-f", "-y", "-o", trace, "-e", "trace=" + Strace.calls.joined(separator: ",")],
            environment: ["SNAPSTORE_COUNT_GATES": counts])
        #expect(run.status == 0, "\(run.errors)")
        let gates = try GateCount.passed(counts)
        let calls = try GateCount.called(trace, store: copy.binary.store)
        #expect(gates.files == calls, "gates \(gates.files) of \(life), system calls \(calls)")
        #expect(gates.transactions > 0)
        print(
            "gates of \(life.rawValue): \(gates.transactions) transactions and as strace counts: \(calls.description)")
    }

    /// Lives and what part of their system calls is tried: all of all on the long scale.
    private static let stride = max(1, 12 / TestScale.factor)
    private static let traced: [KillBench.Life] =
        TestScale.factor > 1 ? KillBench.Life.allCases : [.first, .next, .delete, .collect]

    @Test(.enabled(if: Strace.works, "skipped: no strace"), arguments: traced)
    func aKillAtAnySystemCallNeedsNoRepair(_ life: KillBench.Life) throws {
        let seed = TestScale.seed("kills at system calls")
        let proof = Proof("P4", seed: seed)
        var generator = SeededGenerator(seed: seed)
        let bench = try KillBench(life)
        let processors = Strace.processors
        for call in Strace.calls where call != "openat" {
            var sweep = KillSweep(bench: bench, proof: proof)
            sweep.stride = Self.stride
            sweep.first = 1 + Int(generator.next() % UInt64(Self.stride))
            try sweep.run("\(call) calls of \(life.rawValue)") { number, copy in
                // On one processor it has one thread of each kind: strace counts the calls of each by itself.
                let processor = processors[number % processors.count]
                return try copy.run(
                    under: [
                        "/usr/bin/taskset", "-c", "\(processor)", "/usr/bin/strace", "-f", "-o", "/dev/null",
                        "-e", "trace=\(call)", "-e", "inject=\(call):signal=SIGKILL:when=\(number)",
                    ])
            }
        }
        let lost = proof.report("kill -9 at system calls of \(life.rawValue)")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried >= 2)
    }
}

/// Kills a command at 1, 2 …, until it is not killed any more.
struct KillSweep {
    let bench: KillBench
    let proof: Proof
    var first = 1
    /// One in so many is tried.
    var stride = 1

    /// - Parameter kill: Runs the command so that it is killed at a number.
    func run(_ kind: String, _ kill: @escaping @Sendable (Int, KillBench.Copy) throws -> Command) throws {
        let end = EndMark()
        let pool = try WorkerPool(threads: 2, queueMax: 1)
        var number = first
        while !end.isSet.load(ordering: .relaxed), number < 5_000 {
            let at = number
            try pool.submit { [bench, proof] in
                let copy = try bench.copy()
                let run = try kill(at, copy)
                guard run.status == 137 else {
                    proof.check(run.status == 0, "exit \(run.status) at \(at) of \(kind): \(run.errors)")
                    return end.isSet.store(true, ordering: .relaxed)
                }
                proof.note(kind)
                for loss in try copy.losses() { proof.lose("\(loss) at \(at) of \(kind)") }
            }
            number += stride
        }
        try pool.wait()
    }

    private final class EndMark: Sendable {
        let isSet = Atomic<Bool>(false)
    }
}

enum Strace {
    /// What changes a file or a directory.
    static let calls = [
        "fsync", "fdatasync", "pwrite64", "rename", "renameat2", "unlink", "mkdir", "ftruncate", "openat",
    ]

    static let works = (try? Command.run("/usr/bin/strace", ["-o", "/dev/null", "/bin/true"]).status) == 0

    /// Numbers of the processors that this process may use.
    static let processors: [Int] = {
        let status = String(decoding: (try? Kernel.readFile("/proc/self/status", limit: 65_536)) ?? [], as: UTF8.self)
        let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        let ranges = line?.split(separator: "\t").last?.split(separator: ",") ?? []
        let numbers = ranges.flatMap { range -> [Int] in
            let ends = range.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last, first <= last else { return [] }
            return Array(first...last)
        }
        return numbers.isEmpty ? [0] : numbers
    }()
}

/// Durable operations on files, as the program's gates count them and as strace does.
struct GateCount: Equatable, CustomStringConvertible {
    private var counts: [String: Int] = [:]

    var description: String {
        counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
    }

    private mutating func add(_ kind: String, _ count: Int) {
        if count > 0 { counts[kind, default: 0] += count }
    }

    /// What `SNAPSTORE_COUNT_GATES` has written; commits of the catalogue, which SQLite makes of calls of its own, apart.
    static func passed(_ path: String) throws -> (files: GateCount, transactions: Int) {
        let names = [
            "createFile": "created", "write": "written", "truncate": "truncated", "sync": "synced",
            "syncDirectory": "synced", "rename": "renamed", "unlink": "unlinked", "makeDirectory": "made",
        ]
        var (files, transactions) = (GateCount(), 0)
        for line in String(decoding: try Kernel.readFile(path, limit: 4096), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 2, let count = Int(words[1]) else { continue }
            if words[0] == "transaction" { transactions = count }
            if let name = names[String(words[0])] { files.add(name, count) }
        }
        return (files, transactions)
    }

    /// The calls on files of the store in an output of strace, apart from those of what is nobody's data: SQLite's files,
    /// locks, the cache and the reserve.
    static func called(_ trace: String, store: String) throws -> GateCount {
        let names = [
            "pwrite64": "written", "ftruncate": "truncated", "fsync": "synced", "rename": "renamed",
            "renameat2": "renamed", "unlink": "unlinked", "mkdir": "made",
        ]
        var found = GateCount()
        for line in String(decoding: try Kernel.readFile(trace, limit: 64 << 20), as: UTF8.self).split(separator: "\n")
        {
            guard let open = line.firstIndex(of: "("), let path = path(in: line[open...], store: store) else {
                continue
            }
            let call = String(line[..<open].split(separator: " ").last ?? "")
            if path.hasPrefix("catalog.") || path.hasPrefix("sessions/") || path.hasPrefix("reserve")
                || path.hasPrefix("cache/stat/")
            {
                continue
            }
            // SQLite writes a backup, with a journal; its sync and its name are ours.
            if path.hasPrefix("backup/"), call == "pwrite64" || path.hasSuffix("-journal") { continue }
            if call == "openat", line.contains("O_CREAT|O_EXCL") { found.add("created", 1) }
            if let name = names[call] { found.add(name, 1) }
        }
        return found
    }

    /// The first path below the store in the arguments of a call, relative to it; empty for the store itself and for the
    /// directory that it is in, which is synced when it is made.
    private static func path(in arguments: Substring, store: String) -> String? {
        let parent = store[..<(store.lastIndex(of: "/") ?? store.endIndex)]
        if arguments.hasPrefix("("), arguments.contains("<\(parent)>)") { return "" }
        guard let range = arguments.firstRange(of: store) else { return nil }
        let rest = arguments[range.upperBound...]
        guard let first = rest.first, "/\">".contains(first) else { return nil }
        return String(rest.drop { $0 == "/" }.prefix { !"\">".contains($0) })
    }
}
