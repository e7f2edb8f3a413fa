import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import Synchronization
import TestSupport
import Testing

/// Commits that are counted in several steps, chunks before nodes: carried out, refused and cut short at any of them.
@Suite struct JobPhaseTests {
    /// How a commit ends.
    enum End: CaseIterable, CustomTestStringConvertible {
        case made
        /// A chunk is nowhere, which is found while chunks are counted.
        case incomplete
        /// Somebody has taken its tag, which is found when all is counted.
        case late

        var testDescription: String { "\(self)" }
    }

    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }
    private static let seed: UInt64 = 20

    /// Two chunks that the first snapshot has too, one of them many times; others new, one of them in several lists.
    private static func files(_ generator: inout SeededGenerator) -> (
        first: [String: [UInt8]], second: [String: [UInt8]]
    ) {
        let shared = generator.bytes(8_192)
        let often = generator.bytes(4_096)
        return (
            ["shared": shared, "own": generator.bytes(20_000)],
            [
                "shared": shared, "once more": shared + [1], "new": generator.bytes(60_000), "twice": often + often,
                "with": often + generator.bytes(9_000), "without": generator.bytes(30_000) + often,
            ]
        )
    }

    /// Makes `t:1`, then tries to make `t:2`, which is to end so; `begin` is called between.
    private static func run(
        _ end: End, missing: UInt8 = 0, path: String, disk: (@escaping @Sendable () -> Void) -> Disk,
        begin: () -> Void = {}
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let (first, second) = files(&generator)
        let rival = Mutex<(@Sendable () -> Void)?>(nil)
        let gated = disk { rival.withLock { $0.take() }?() }
        let fixture = StoreFixture(store: try Store.open(path: path, create: true, disk: gated, jobs: .small))
        defer { fixture.store.close() }
        try fixture.commit("t", tag: "1", files: first)
        begin()
        let session = try fixture.store.beginSession(.create, org: StoreFixture.org)
        defer { session.end() }
        let manifest = try fixture.put(second, session, without: end == .incomplete ? [0xff, missing] : nil)
        if end == .late {
            let record = try fixture.store.snapshots(org: StoreFixture.org)[0]
            rival.withLock {
                $0 = {
                    _ = try? fixture.store.setTag(
                        org: StoreFixture.org, name: "t", tag: "2", to: record, ifMatch: nil, force: false)
                }
            }
        }
        var code: StoreError.Code?
        do throws(StoreError) {
            _ = try session.commit(SnapshotDraft(name: "t", tag: "2", manifest: manifest, kind: "directory"))
        } catch {
            code = error.code
        }
        switch (end, code) {
        case (.made, nil), (.incomplete, .incomplete), (.late, .preconditionFailed): break
        case (_, .io): throw StoreError(.io, "the gate")
        default: Issue.record("\(end) ended with \(String(describing: code))")
        }
    }

    /// What there is at the end: sound, and of what was refused nothing.
    private static func expect(_ end: End, path: String, jobs: JobLimits, isMade: Bool? = nil, _ place: String) throws {
        let fixture = StoreFixture(store: try Store.open(path: path, create: false, jobs: jobs))
        defer { fixture.store.close() }
        try fixture.store.settle(org: StoreFixture.org)
        let problems = try fixture.problems()
        #expect(problems.isEmpty, "\(problems) at \(place)")
        let names = Set(try fixture.store.snapshots(org: StoreFixture.org).flatMap { $0.tags.map(\.tag) })
        if let isMade { #expect(names.contains("2") == isMade, "\(names) at \(place)") }
        guard end != .made else { return }
        let records = try fixture.store.snapshots(org: StoreFixture.org)
        #expect(records.count == 1, "\(records) at \(place)")
        try fixture.collect()
        let (kept, alone) = (try fixture.store.statistics(), try aloneStatistics())
        #expect(kept.heldBytes == alone.heldBytes && kept.packBytes == alone.packBytes, "\(kept) at \(place)")
    }

    /// Of a store that never had but the first snapshot.
    private static func aloneStatistics() throws -> StoreStatistics {
        var generator = SeededGenerator(seed: seed)
        let directory = TemporaryDirectory(in: "/dev/shm")
        let fixture = StoreFixture(store: try Store.open(path: directory.file("store"), create: true))
        defer { fixture.store.close() }
        try fixture.commit("t", tag: "1", files: files(&generator).first)
        return try fixture.store.statistics()
    }

    @Test(arguments: End.allCases) func aCommitInStepsIsWholeOrUndone(_ end: End) throws {
        // What is missing comes early or late in the order of digests.
        for missing in UInt8(0)..<(end == .incomplete ? 6 : 1) {
            let path = directory.file("store\(missing)")
            try Self.run(end, missing: missing, path: path) { Disk(observer: BeforeRename($0)) }
            try Self.expect(end, path: path, jobs: .small, isMade: end != .incomplete, "the end")
        }
    }

    /// The process dies before any of its transactions; another one, with limits of its own, goes on.
    @Test(arguments: End.allCases, [true, false]) func anotherProcessGoesOnAtAnyStep(_ end: End, _ isSmall: Bool) throws
    {
        var steps = 0
        while true {
            let path = directory.file("store\(steps)")
            let countdown = Countdown(steps)
            do {
                try Self.run(end, path: path) { rival in
                    Disk(
                        observer: BeforeRename(rival) { operation throws(IOError) in
                            guard case .transaction("job") = operation, countdown.isOver() else { return }
                            throw IOError(errno: 5, operation: "test", path: "")
                        })
                } begin: {
                    countdown.begin()
                }
                break
            } catch let error as StoreError where error.code == .io {
                try Self.expect(end, path: path, jobs: isSmall ? .small : JobLimits(), "step \(steps)")
            }
            steps += 1
        }
        #expect(steps >= 4, "\(steps) steps")
    }

    /// A power cut at every operation of the commit.
    @Test(arguments: End.allCases) func aPowerCutAtAnyStepLosesNothing(_ end: End) throws {
        let seed = TestScale.seed("cuts of a commit in steps")
        let proof = Proof("P1", seed: seed)
        let recorder = DiskRecorder()
        var begun = 0
        try GatedSQLite.attached(Disk(observer: recorder), store: path) { _ in
            try Self.run(end, path: path) {
                Disk(observer: BeforeRename($0, recorder))
            } begin: {
                begun = recorder.count
            }
        }
        let sweep = CutSweep(
            journal: recorder.journal, parent: directory.path, seed: seed, randoms: 1, randomsAfterRename: 2)
        let tried = try sweep.run(begun...recorder.count) { target, _, place in
            try target.withReserveLeftOut { try Self.expect(end, path: $0, jobs: .small, place) }
        }
        proof.note("cuts of commits in steps", tried)
        #expect(proof.report("a commit in steps that is \(end)").isEmpty && tried > 50)
    }
}

/// Says no so many times, once it has begun.
private final class Countdown: Sendable {
    private let left: Mutex<Int>
    private let isOn = Mutex(false)

    init(_ count: Int) { left = Mutex(count) }

    func begin() { isOn.withLock { $0 = true } }

    func isOver() -> Bool {
        guard isOn.withLock({ $0 }) else { return false }
        return left.withLock {
            $0 -= 1
            return $0 < 0
        }
    }
}

extension String {
    /// Calls `body` with the store below, with something short in the place of its reserve.
    fileprivate func withReserveLeftOut(_ body: (String) throws -> Void) throws {
        let store = self + "/store"
        try (store + "/reserve").write([])
        try body(store)
    }
}

/// Does something before the first pack gets its name, and perhaps fails; what passes is recorded.
private final class BeforeRename: GateObserver {
    private let rival: @Sendable () -> Void
    private let recorder: DiskRecorder?
    private let gate: @Sendable (GateOperation) throws(IOError) -> Void

    init(
        _ rival: @escaping @Sendable () -> Void, _ recorder: DiskRecorder? = nil,
        gate: @escaping @Sendable (GateOperation) throws(IOError) -> Void = { (_) throws(IOError) in }
    ) {
        self.rival = rival
        self.recorder = recorder
        self.gate = gate
    }

    var wantsBytes: Bool { recorder != nil }
    func willPass(_ number: Int, _ operation: GateOperation) throws(IOError) {
        if case .rename(_, let to) = operation, to.hasSuffix(".pack") { rival() }
        try gate(operation)
    }
    func didPass(_ number: Int, _ operation: GateOperation) { recorder?.didPass(number, operation) }
}
