internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel
internal import SnapPacks

/// What a check is asked to do.
package struct FsckOptions: Sendable {
    /// Read and hash every object; otherwise only what the tree is made of, not the bytes of files.
    package var readData = false
    /// Read and hash this part of the frames of file bytes, picked at random: 0 … 1.
    package var samplePart = 0.0
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

    init(store: Store, options: FsckOptions) {
        self.store = store
        self.options = options
    }

    mutating func run() throws -> FsckResult {
        for problem in try store.catalogue.integrityProblems() { report("catalogue", "SQLite says: \(problem)") }
        for scope in try store.catalogue.read({ try $0.scopes() }) {
            try store.runner.settle(scope: scope.id)
            try checkPacks(scope)
            try checkCounts(scope)
        }
        try checkLedgers()
        try nameDamagedSnapshots()
        return result
    }

    private mutating func report(_ code: String, _ message: String) {
        result.problems.append(FsckProblem(code: code, message: message))
    }

    // MARK: Packs

    private mutating func checkPacks(_ scope: ScopeRow) throws {
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
                let error = StoreError(mapping: error)
                guard error.code == .corrupt || error.code == .notFound else { throw error }
                try salvage(row, scope, error.message)
            }
        }
        try markLost(in: lost, scope)
        let known = Set(try store.catalogue.read { try $0.packs(scope: scope.id) }.compactMap { PackID(bytes: $0.uid) })
        for id in onDisk.subtracting(known) where (try? store.backend.size(scope: scope.name, id: id)) != nil {
            report("pack_unknown", "The catalogue does not know the pack \(id) of `\(scope.name)`.")
        }
    }

    /// A pack that gc has rewritten meanwhile is no problem.
    private func isLive(_ pack: PackRow) throws -> Bool {
        try store.catalogue.read { try $0.pack(pack.id) }?.state == .live
    }

    /// Marks objects whose pack is gone, or whose frame no pack has, so that the same content heals them.
    private mutating func markLost(in packs: [PackRow], _ scope: ScopeRow) throws {
        let lost = Set(
            try packs.flatMap { pack in try store.catalogue.read { try $0.frames(pack: pack.id) }.map(\.id) })
        let known = try store.catalogue.read { try $0.frameNumbers(scope: scope.id) }.subtracting(lost)
        var astray = 0
        var last: ObjectKey?
        while true {
            let rows = try store.catalogue.read { try $0.objects(scope: scope.id, after: last, limit: 500) }
            guard let end = rows.last else { break }
            last = end.key
            let gone = rows.filter { row in row.frame.map { !known.contains($0) } ?? false }
            guard !gone.isEmpty else { continue }
            try store.catalogue.write("mark-bad") { tx in
                for row in gone {
                    // A frame that is neither known nor lost may have come since.
                    guard let frame = row.frame, try lost.contains(frame) || tx.reading.frame(frame) == nil,
                        try tx.markBad(row.key, scope: scope.id, frame: frame, true)
                    else { continue }
                    damaged[scope.id, default: []].insert(row.key)
                    if !lost.contains(frame) { astray += 1 }
                }
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
            let error = StoreError(mapping: error)
            guard error.code == .corrupt else { throw error }
            return false
        }
    }

    /// Says whether the object still is where it could not be read: otherwise gc has moved it meanwhile, and what was read
    /// is nobody's.
    private mutating func markDamaged(_ place: ObjectPlace, _ scope: ScopeRow) throws -> Bool {
        let isStillThere = try store.catalogue.write("mark-bad") {
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
        for frame in frames {
            let inFrame = places[frame.id] ?? []
            let live = try store.catalogue.read { tx in try inFrame.compactMap { try tx.place(of: $0, scope.id) } }
            objects += Int64(live.count)
            bytes = live.reduce(bytes) { $0.addingReportingOverflow($1.length).partialValue }
            if !live.isEmpty, wantsRead(inFrame) { try read(live, scope) }
        }
        let now = try store.catalogue.read { try $0.pack(row.id) }
        if now == row, objects != row.liveObjects || bytes != row.liveBytes {
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

    private mutating func read(_ places: [ObjectPlace], _ scope: ScopeRow) throws {
        for place in places {
            try options.step(1, UInt64(clamping: place.length))
            result.objectsRead += 1
            do {
                _ = try store.frames.read(place)
                try heal(place, scope)
            } catch {
                let error = StoreError(mapping: error)
                guard error.code == .corrupt else { throw error }
                guard try markDamaged(place, scope) else { continue }
                report("object_corrupt", "\(place.key) cannot be read. \(error.message)")
            }
        }
    }

    /// Bytes that read well again, as after a cable was mended, are no longer bad.
    private func heal(_ place: ObjectPlace, _ scope: ScopeRow) throws {
        guard try store.catalogue.read({ try $0.object(place.key, scope: scope.id) })?.isBad == true else { return }
        try store.catalogue.write("heal") { try $0.markBad(place.key, scope: scope.id, frame: place.frame, false) }
    }

    // MARK: Counts

    /// Compares every count with a recount from the snapshots. Retried when commits or deletes came between.
    private mutating func checkCounts(_ scope: ScopeRow) throws {
        for attempt in 1...3 {
            // A delete that was only queued has left its references: they are taken back first.
            try store.runner.settle(scope: scope.id)
            let before = try store.catalogue.read { try $0.sequenceAndJobs() }
            let recount = ReferenceRecount(
                store: store, scope: scope, objectsAtOnce: options.objectsAtOnce, step: options.step)
            let found = try recount.problems()
            let after = try store.catalogue.read { try $0.sequenceAndJobs() }
            let isQuiet = before == after && before.jobs.isEmpty
            if isQuiet || attempt == 3 && found.problems.isEmpty {
                result.objects += found.objects
                for problem in found.problems { report(problem.code, problem.message) }
                if found.uncertain > 0 {
                    report(
                        "count_unknown",
                        "\(found.uncertain) objects cannot be recounted: what may name them cannot be read.")
                }
                damaged[scope.id, default: []].formUnion(found.missing)
                return
            }
        }
        report("busy", "The counts of `\(scope.name)` changed during each recount: check again when it is quieter.")
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

extension ReadAccess {
    /// Where the catalogue says that an object of a pack is, if in the same frame: what a reader goes by.
    fileprivate func place(of packed: ObjectPlace, _ scope: ScopeID) throws -> ObjectPlace? {
        guard let row = try object(packed.key, scope: scope), let frame = row.frame, frame == packed.frame else {
            return nil
        }
        return ObjectPlace(key: row.key, length: row.length, frame: frame, position: row.position)
    }

    /// Changes with every commit, delete and condemnation.
    func sequenceAndJobs() throws -> (numbers: [Int64], jobs: [Int64]) {
        (try [sequence()] + scopes().flatMap { [$0.heldBytes, $0.heldObjects] }, try jobs().map(\.id))
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
