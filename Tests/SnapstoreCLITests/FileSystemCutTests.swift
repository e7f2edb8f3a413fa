import Glibc
import SnapIO
import Synchronization
import TestSupport
import Testing

/// File systems that are cut off from their disk while the real program works on them, and mounted again: what was
/// acknowledged is there, and the rest is whole or absent.
@Suite(.serialized, .enabled(if: Kernel.isRoot, "skipped: not root")) struct FileSystemCutTests {
    enum FileSystem: String, CaseIterable, Sendable {
        case ext4, xfs

        /// Makes one of 320 MiB, about the least that XFS takes.
        var make: String {
            switch self {
            case .ext4: "mkfs.ext4 -q -F image"
            case .xfs: "mkfs.xfs -q -f image"
            }
        }
    }

    /// Processes with mounts of their own may have copies of this one, and keep what was cut off for a moment.
    private static let mountAgain = """
        umount disk && for i in $(seq 600); do test -z "$(losetup -j image)" && break; sleep 0.05; done
        mount -o loop image disk
        """

    @Test(arguments: FileSystem.allCases) func whatWasAcknowledgedIsThereAgain(_ kind: FileSystem) throws {
        let seed = TestScale.seed("cuts of \(kind.rawValue)")
        let proof = Proof("P1b", seed: seed)
        let bench = try CommandBench()
        try bench.done("truncate -s 320M image && \(kind.make) && mkdir disk && mount -o loop image disk")
        defer { _ = try? bench.shell("umount disk || umount -l disk") }
        let load = StoreLoad(
            binary: try SnapstoreBinary(store: bench.directory.file("disk/store")), root: bench.root, seed: seed)
        var generator = SeededGenerator(seed: seed)
        for cut in 1...(10 * TestScale.factor) {
            let isFlushed = generator.next() & 1 == 0
            let place = "cut \(cut) of \(kind.rawValue), log \(isFlushed ? "flushed" : "lost"), seed \(seed)"
            let worker = try WorkerPool(threads: 1, queueMax: 1)
            try worker.submit { try load.run() }
            Kernel.sleep(milliseconds: UInt32(40 + generator.next() % 400))
            // A command that fails before the cut is no loss, but it is not what is tried here.
            if let failure = load.failure { proof.lose("\(failure) before \(place)") }
            load.beginCut()
            try bench.done("xfs_io -x -c 'shutdown \(isFlushed ? "-f" : "")' disk")
            try worker.wait()
            try bench.done(Self.mountAgain)
            proof.note("of \(kind.rawValue) with the log \(isFlushed ? "flushed" : "lost")")
            for loss in try load.lossesAfterCut() { proof.lose("\(loss) at \(place)") }
        }
        let lost = proof.report("cuts of \(kind.rawValue) under load, \(load.acknowledged) commands acknowledged")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.tried == 10 * TestScale.factor && load.acknowledged >= proof.tried)
    }
}

/// Commands on a store, one after another, and what is to be there after those that succeeded.
private final class StoreLoad: Sendable {
    private enum Step {
        case create(String)
        case tag(String, String)
        case delete(String, isPurge: Bool)
        case collect
    }

    private struct State {
        var generator: SeededGenerator
        /// Digests by tag: what was acknowledged.
        var tags: [String: String] = [:]
        /// What the command under way leads to; nil for the digest that is not known yet.
        var pending: [String: String?]?
        var number = 0
        var acknowledged = 0
        /// Whether the shutdown was asked for.
        var isCut = false
        /// What the command said that failed.
        var failure: String?
    }

    private let binary: SnapstoreBinary
    private let root: String
    private let state: Mutex<State>

    init(binary: SnapstoreBinary, root: String, seed: UInt64) {
        self.binary = binary
        self.root = root
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
    }

    var acknowledged: Int { state.withLock { $0.acknowledged } }
    var failure: String? { state.withLock { $0.failure } }

    /// What is acknowledged from now on may be there or not.
    ///
    /// A shutdown is not a loss of power in one respect: it lets a `fdatasync` that runs beside it return success for what
    /// it then throws away (`docs/reliability.md`). Only what was acknowledged before is sure to have been synced.
    func beginCut() { state.withLock { $0.isCut = true } }

    /// Goes on until a command fails, or the cut has begun.
    func run() throws {
        while try carryOut(state.withLock { Self.next(&$0) }) {}
    }

    private static func next(_ state: inout State) -> Step {
        state.number += 1
        let tags = state.tags.keys.sorted()
        let word = state.generator.next()
        guard tags.count >= 3, let old = tags.randomElement(using: &state.generator) else {
            return .create("t\(state.number)")
        }
        switch word % 12 {
        case 0...2: return .create("t\(state.number)")
        case 3...4: return .create("latest")
        case 5...6: return .tag(old, "moved")
        case 7...8: return .delete(old, isPurge: false)
        case 9: return .delete(old, isPurge: true)
        default: return .collect
        }
    }

    /// Says whether the command succeeded.
    private func carryOut(_ step: Step) throws -> Bool {
        var after: [String: String?] = state.withLock { $0.tags }
        let arguments: [String]
        switch step {
        case .create(let tag):
            let bytes = state.withLock { $0.generator.bytes(Int(200 + $0.generator.next() % 200_000)) }
            try (root + "/changing").write(bytes)
            after[tag] = .some(nil)
            arguments = ["create", root, "w:\(tag)", "--force", "--json"]
        case .tag(let from, let to):
            after[to] = after[from] ?? nil
            arguments = ["tag", "w:\(from)", "w:\(to)", "--force", "--json"]
        case .delete(let tag, let isPurge):
            after[tag] = nil
            arguments = ["delete", "w:\(tag)", "--json"] + (isPurge ? ["--purge"] : [])
        case .collect:
            arguments = ["gc", "--grace", "0", "--json"]
        }
        state.withLock { $0.pending = after }
        let run = try binary.run(arguments)
        guard run.status == 0 else {
            state.withLock { $0.failure = "\(arguments[0]): exit \(run.status): \(run.errors)" }
            return false
        }
        let digest = try JSONText.lines(run.output).last?["digest"] as? String
        return state.withLock { state in
            let tags = after.compactMapValues { $0 ?? digest }
            guard !state.isCut else {
                state.pending = tags.mapValues { $0 }
                return false
            }
            (state.tags, state.pending) = (tags, nil)
            state.acknowledged += 1
            return true
        }
    }

    /// What is wrong with the store once its disk is back; then the load goes on from what there is.
    func lossesAfterCut() throws -> [String] {
        state.withLock { $0.isCut = false }
        guard Kernel.exists(binary.store + "/FORMAT") else {
            let isFirst = state.withLock { state in
                (state.pending, state.failure) = (nil, nil)
                return state.tags.isEmpty
            }
            return isFirst ? [] : ["the store is gone"]
        }
        let check = try binary.run("fsck", "--read-data")
        guard check.status == 0 else { return ["fsck says \(check.output)\(check.errors)"] }
        var found: [String: String] = [:]
        for line in try JSONText.lines(binary.run("list", "--json").output) where line["type"] as? String == "item" {
            for tag in line["tags"] as? [String] ?? [] { found[tag] = line["digest"] as? String }
        }
        let (before, pending) = state.withLock { ($0.tags, $0.pending) }
        state.withLock { ($0.tags, $0.pending, $0.failure) = (found, nil, nil) }
        guard found == before || pending.map({ Self.matches(found, $0) }) == true else {
            return ["there is \(found), not \(before)"]
        }
        let next = try carryOut(.create("next"))
        return next ? [] : ["the next create fails: \(failure ?? "")"]
    }

    private static func matches(_ found: [String: String], _ pending: [String: String?]) -> Bool {
        found.count == pending.count
            && pending.allSatisfy { tag, digest in
                found[tag].map { digest == nil || digest == $0 } ?? false
            }
    }
}
