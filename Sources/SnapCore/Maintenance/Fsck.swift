internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapModel
internal import SnapPacks

/// What a check is asked to do.
package struct FsckOptions: Sendable {
    /// Read and hash every object; otherwise only what the tree is made of, not the bytes of files.
    package var readData = false
    /// Read and hash this part of the frames of file bytes, picked at random: 0 … 1.
    package var samplePart = 0.0
    /// Correct counts that are wrong, beside all else that goes on.
    package var repair = false
    /// Called between the steps of the job; what it throws ends it.
    package var step: MaintenanceStep = { _, _ in }
    /// How many objects are recounted at once, about 100 bytes each; all metadata is read again for each so many.
    package var objectsAtOnce: Int64 = 500_000

    package init() {}
}

/// One thing that is not as it should be.
package struct FsckProblem: Sendable, Hashable {
    /// `pack_missing`, `pack_corrupt`, `object_corrupt`, `object_missing`, `count`, `ledger`, `catalogue` …
    package let code: String
    package let message: String
}

package struct FsckResult: Sendable {
    /// Objects looked at.
    package var objects: Int64 = 0
    /// Objects whose bytes were read and hashed.
    package var objectsRead: Int64 = 0
    package var packs: Int64 = 0
    package var problems: [FsckProblem] = []
    /// Wrong counts that were put right.
    package var repaired: Int64 = 0
    /// Snapshots that need something damaged or missing.
    package var damagedSnapshots: [SnapshotRecord] = []
}

/// Checks a store: the catalogue against itself, against the packs, and the counts against a recount.
struct StoreChecker {
    let store: Store
    let options: FsckOptions
    private var result = FsckResult()
    /// Keys of a scope that are damaged or missing.
    private var damaged: [ScopeID: Set<ObjectKey>] = [:]
    private let inspector: FrameInspector

    init(store: Store, options: FsckOptions) {
        self.store = store
        inspector = FrameInspector(store: store)
        self.options = options
    }

    mutating func run() throws -> FsckResult {
        let catalogue = Aside { [store] in try store.catalogue.integrityProblems() }
        // Whatever stops the rest, nobody reads any more when it returns.
        defer { _ = try? catalogue.value() }
        try checkAll()
        let problems = try catalogue.value().map { FsckProblem(code: "catalogue", message: "SQLite says: \($0)") }
        result.problems.insert(contentsOf: problems, at: 0)
        return result
    }

    private mutating func checkAll() throws {
        for name in try store.catalogue.foreignDefinitions() {
            report("catalogue", "The catalogue's definition of \(escaped(Array(name.utf8))) is not what it was.")
        }
        for scope in try store.catalogue.read({ try $0.scopes() }) {
            let isSettled = try settle(scope)
            let beside = isSettled ? RecountBeside(store: store, scope: scope, options: options) : nil
            do {
                try checkPacks(scope, beside)
            } catch {
                beside?.stop()
                throw error
            }
            if isSettled { try checkCounts(scope, beside) }
        }
        try checkBorrows()
        try checkLedgers()
        for org in try store.catalogue.read({ try $0.orgs() }) {
            let records = RecordCheck(store: store, step: options.step)
            for problem in try records.problems(of: org) { report("catalogue", problem) }
        }
        try nameDamagedSnapshots()
    }

    /// Says whether nothing is left to be counted: where nothing can be written, the rest of the check goes on.
    private mutating func settle(_ scope: ScopeRow) throws -> Bool {
        do {
            try store.runner.settle(scope: scope.id)
            return true
        } catch  where StoreError.isRefusedWrite(error) {
            report(
                "count_unknown",
                "The counts of `\(scope.name)` are not checked: a delete or a commit is still to be counted, and "
                    + "nothing can be written.")
            return false
        }
    }

    /// Writes what a check found out, for others to know. Where nothing can be written, it is only reported.
    private func note<Result>(_ label: String, otherwise: Result, _ body: (WriteAccess) throws -> Result) throws
        -> Result
    {
        do {
            return try store.catalogue.write(label, body)
        } catch  where StoreError.isRefusedWrite(error) {
            return otherwise
        }
    }

    private mutating func report(_ code: String, _ message: String) {
        result.problems.append(FsckProblem(code: code, message: message))
    }

    // MARK: Packs

    private mutating func checkPacks(_ scope: ScopeRow, _ beside: RecountBeside?) throws {
        let rows = try store.catalogue.read { try $0.packs(scope: scope.id, state: .live) }
        let onDisk = Set(try store.backend.list(scope: scope.name))
        var lost: [PackRow] = []
        for row in rows {
            result.packs += 1
            guard let id = PackID(bytes: row.uid) else { continue }
            try options.step(0, 0)
            guard onDisk.contains(id) else {
                guard try isLive(row) else { continue }
                lost.append(row)
                report("pack_missing", "The pack \(id) of `\(scope.name)` is missing.")
                continue
            }
            do {
                try checkPack(row, id, scope)
            } catch {
                guard try isLive(row) else { continue }
                let isUnreadable = StoreError.isUnreadable(error)
                let error = StoreError(mapping: error)
                guard isUnreadable || error.code == .notFound else { throw error }
                try salvage(row, scope, error.message)
            }
        }
        // Mostly all frames are known, and those who have seen all objects know it.
        let isComplete = try lost.isEmpty && beside?.soundFinding?.frames.isSubset(of: frames(scope)) == true
        if !isComplete { try markLost(in: lost, scope) }
        let known = Set(try store.catalogue.read { try $0.packs(scope: scope.id) }.compactMap { PackID(bytes: $0.uid) })
        for id in onDisk.subtracting(known) where (try? store.backend.size(scope: scope.name, id: id)) != nil {
            report("pack_unknown", "The catalogue does not know the pack \(id) of `\(scope.name)`.")
        }
    }

    private func frames(_ scope: ScopeRow) throws -> Set<Int64> {
        try store.catalogue.read { try $0.frameNumbers(scope: scope.id) }
    }

    /// A pack that gc has rewritten meanwhile is no problem.
    private func isLive(_ pack: PackRow) throws -> Bool {
        try store.catalogue.read { try $0.pack(pack.id) }?.state == .live
    }

    /// Marks objects whose pack is gone, or whose frame no pack has, so that the same content heals them.
    private mutating func markLost(in packs: [PackRow], _ scope: ScopeRow) throws {
        let lost = Set(
            try packs.flatMap { pack in try store.catalogue.read { try $0.frames(pack: pack.id) }.map(\.id) })
        var astray = 0
        var last: ObjectKey?
        while true {
            let gone = try store.catalogue.read {
                try $0.objectsAstray(scope: scope.id, lost: packs.map(\.id), after: last, limit: 500)
            }
            guard let end = gone.last else { break }
            last = end.key
            if store.catalogue.isReadOnly { damaged[scope.id, default: []].formUnion(gone.map(\.key)) }
            astray += try note("mark-bad", otherwise: 0) { tx in
                var astray = 0
                for row in gone {
                    // A frame that is neither known nor lost may have come since.
                    guard let frame = row.frame, try lost.contains(frame) || tx.reading.frame(frame) == nil,
                        try tx.markBad(row.key, scope: scope.id, frame: frame, true)
                    else { continue }
                    damaged[scope.id, default: []].insert(row.key)
                    if !lost.contains(frame) { astray += 1 }
                }
                return astray
            }
        }
        if astray > 0 { report("object_missing", "\(astray) objects of `\(scope.name)` are in no pack.") }
    }

    /// A pack whose footer cannot be read: its objects are tried one by one, as the catalogue knows them. Those that
    /// cannot be read are marked, so that a capture of the same content heals them.
    private mutating func salvage(_ row: PackRow, _ scope: ScopeRow, _ message: String) throws {
        let places = try store.catalogue.read { try $0.places(pack: row.id, scope: scope.id) }
        var lost: Int64 = 0
        for place in places where try !isReadable(place) {
            if try markDamaged(place, scope) { lost += 1 }
        }
        let sentence = message.hasSuffix(".") ? String(message.dropLast()) : message
        report("pack_corrupt", "\(sentence): \(lost) of its \(places.count) objects cannot be read.")
    }

    private mutating func isReadable(_ place: ObjectPlace) throws -> Bool {
        try options.step(1, UInt64(clamping: place.length))
        result.objectsRead += 1
        do {
            _ = try store.frames.read(place)
            return true
        } catch {
            guard StoreError.isUnreadable(error) else { throw error }
            return false
        }
    }

    /// Says whether the object still is where it could not be read: otherwise gc has moved it meanwhile, and what was read
    /// is nobody's.
    private mutating func markDamaged(_ place: ObjectPlace, _ scope: ScopeRow) throws -> Bool {
        let isStillThere = try note("mark-bad", otherwise: true) {
            try $0.markBad(place.key, scope: scope.id, frame: place.frame, true)
        }
        if isStillThere { damaged[scope.id, default: []].insert(place.key) }
        return isStillThere
    }

    private mutating func checkPack(_ row: PackRow, _ id: PackID, _ scope: ScopeRow) throws {
        let index = try PackIndex.read(backend: store.backend, scope: scope.name, id: id)
        let frames = try store.catalogue.read { try $0.frames(pack: row.id) }
        guard frames.map({ FrameInfo($0) }) == index.frames.map({ $0 }) else {
            guard try isLive(row) else { return }
            report("pack_corrupt", "The catalogue describes the pack \(id) otherwise than its footer does.")
            return
        }
        var objects: Int64 = 0
        var bytes: Int64 = 0
        let places = Dictionary(grouping: PackRegistration.places(index, frames: frames.map(\.id)), by: \.frame)
        for start in stride(from: 0, to: frames.count, by: FrameInspector.framesAtOnce) {
            let requests = zip(frames, index.frames).dropFirst(start).prefix(FrameInspector.framesAtOnce).map {
                (frame, info) in
                let inFrame = places[frame.id] ?? []
                return FrameInspector.Request(
                    frame: FrameReader.Location(scope: scope.name, pack: id, info: info), places: inFrame,
                    isRead: wantsRead(inFrame))
            }
            for (request, finding) in zip(requests, try inspector.inspect(requests, scope.id)) {
                objects += Int64(finding.live.count)
                bytes = finding.live.reduce(bytes) { $0.addingReportingOverflow($1.place.length).partialValue }
                if request.isRead { try take(finding, scope) }
            }
        }
        let now = try store.catalogue.read { try $0.pack(row.id) }
        if now == row, objects != row.liveObjects || bytes != row.liveBytes {
            guard !options.repair else {
                try store.catalogue.write("recount") { try $0.correctLive(row, objects: objects, bytes: bytes) }
                result.repaired += 1
                return
            }
            report(
                "count",
                "The pack \(id) holds \(objects) objects of \(bytes) bytes in use; "
                    + "the catalogue says \(row.liveObjects) of \(row.liveBytes).")
        }
    }

    /// Metadata is always read; file bytes when asked for, or when the frame is drawn for the sample.
    private func wantsRead(_ frame: [ObjectPlace]) -> Bool {
        if options.readData { return true }
        let isMetadata = frame.contains { $0.key.kind != .chunk }
        return isMetadata || Double.random(in: 0..<1) < options.samplePart
    }

    /// Reports on objects that were read.
    private mutating func take(_ finding: FrameInspector.Finding, _ scope: ScopeRow) throws {
        for (number, (place, isBad)) in finding.live.enumerated() {
            try options.step(1, UInt64(clamping: place.length))
            result.objectsRead += 1
            do {
                // Once more, which tells why; and gc may have moved it meanwhile.
                if finding.unsound.contains(number) { _ = try store.frames.read(place) }
                if isBad { try heal(place, scope) }
            } catch {
                guard StoreError.isUnreadable(error) else { throw error }
                let error = StoreError(mapping: error)
                guard try markDamaged(place, scope) else { continue }
                report("object_corrupt", "\(place.key) cannot be read. \(error.message)")
            }
        }
    }

    /// Bytes that read well again, as after a cable was mended, are no longer bad.
    private func heal(_ place: ObjectPlace, _ scope: ScopeRow) throws {
        guard try store.catalogue.read({ try $0.object(place.key, scope: scope.id) })?.isBad == true else { return }
        _ = try note("heal", otherwise: false) {
            try $0.markBad(place.key, scope: scope.id, frame: place.frame, false)
        }
    }

    // MARK: Counts

    private static let recountsMax = 5

    /// Compares every count with a recount from the snapshots. Commits and deletes that come between make counts seem
    /// wrong that are not, each time others: then only those are suspect that seem wrong in every recount.
    private mutating func checkCounts(_ scope: ScopeRow, _ beside: RecountBeside?) throws {
        if let found = beside?.soundFinding { return note(found, scope) }
        var suspects: Set<ObjectKey?>?
        var isRepaired = false
        for _ in 1...Self.recountsMax {
            // A delete that was only queued has left its references: they are taken back first.
            guard try settle(scope) else { return }
            let recount = ReferenceRecount(
                store: store, scope: scope, objectsAtOnce: options.objectsAtOnce, step: options.step)
            let last = try recount.lastJobIfQuiet()
            var found = try recount.problems()
            if let last, try store.catalogue.read({ try recount.isQuiet(since: last, $0) }) {
                let wrong = found.problems.count { $0.code == "count" }
                guard options.repair, wrong > 0, !isRepaired else { return note(found, scope) }
                isRepaired = try repair(recount, scope)
                if isRepaired { result.repaired += Int64(wrong) }
                continue
            }
            // A node that could not be read may have been collected meanwhile: such a recount says nothing.
            guard found.uncertain == 0 else { continue }
            suspects = suspects?.intersection(found.subjects) ?? found.subjects
            guard suspects?.isEmpty == false else {
                found.acquit()
                return note(found, scope)
            }
        }
        report("busy", "The counts of `\(scope.name)` changed during each recount: check again when it is quieter.")
    }

    private mutating func note(_ found: ReferenceRecount.Finding, _ scope: ScopeRow) {
        result.objects += found.objects
        for problem in found.problems { report(problem.code, problem.message) }
        if found.uncertain > 0 {
            report(
                "count_unknown", "\(found.uncertain) objects cannot be recounted: what may name them cannot be read.")
        }
        damaged[scope.id, default: []].formUnion(found.missing)
    }

    /// Says whether the counts are right now: not when commits or deletes came between.
    private func repair(_ recount: ReferenceRecount, _ scope: ScopeRow) throws -> Bool {
        do {
            try recount.repair(.keep, cause: "correction")
            return true
        } catch let error as StoreError where error.code == .busy {
            return false
        }
    }

    /// What each organisation borrows from `public`, which a moment has no part of: a transaction notes both ends of it.
    private mutating func checkBorrows() throws {
        let check = BorrowCheck(store: store)
        var problems = try check.problems()
        if options.repair, !problems.isEmpty {
            result.repaired += Int64(try check.repair())
            problems = try check.problems()
        }
        result.problems += problems
    }

    // MARK: Ledgers and snapshots

    private mutating func checkLedgers() throws {
        for org in try store.catalogue.read({ try $0.orgs() }) {
            let rows = try store.catalogue.read { try $0.ledger(org: org.id) }
            if let number = try LedgerChain.firstBreak(in: rows) {
                report("ledger", "The ledger of `\(org.name)` does not follow from row \(number) on.")
            }
        }
    }

    private mutating func nameDamagedSnapshots() throws {
        guard damaged.values.contains(where: { !$0.isEmpty }) else { return }
        for org in try store.catalogue.read({ try $0.orgs() }) {
            guard let bad = damaged[org.scope], !bad.isEmpty else { continue }
            for record in try store.snapshots(org: org.name) {
                let reach = SnapshotReach(reader: try store.reader(org: org.name), step: options.step)
                if try reach.touches(ObjectKey(.manifest, record.manifest), bad) {
                    result.damagedSnapshots.append(record)
                }
                if let row = try store.catalogue.read({ try $0.record(record.id.bytes) }),
                    bad.contains(ObjectKey(.record, row.object))
                {
                    report(
                        "record_lost",
                        "The record of \(record.displayName) cannot be read: a catalogue made anew would not have it.")
                }
            }
        }
    }
}

/// Whether a snapshot needs one of some objects.
private struct SnapshotReach {
    let reader: ObjectReader
    let step: MaintenanceStep

    func touches(_ root: ObjectKey, _ targets: Set<ObjectKey>) throws -> Bool {
        var queue = [root]
        var seen: Set<ObjectKey> = [root]
        while let key = queue.popLast() {
            try step(0, 0)
            if targets.contains(key) { return true }
            guard key.kind.hasChildren else { continue }
            guard let bytes = try? reader.read(key), let children = try? ObjectChildren.of(key.kind, bytes) else {
                return true
            }
            for child in children where seen.insert(child).inserted { queue.append(child) }
        }
        return false
    }
}

extension Store {
    /// Checks the store. Reads all metadata; with `readData` all bytes.
    ///
    /// Damaged objects are marked, so that a capture of the same content heals them.
    package func check(_ options: FsckOptions = FsckOptions()) throws(StoreError) -> FsckResult {
        try StoreError.mapped {
            var checker = StoreChecker(store: self, options: options)
            return try checker.run()
        }
    }
}
