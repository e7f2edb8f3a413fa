internal import SnapCatalogue
package import SnapModel
internal import SnapPacks

/// Reads the objects that one organisation may see: its own, and the public ones.
///
/// Every object is checked against its digest before it is returned. Safe to use from several threads.
package final class ObjectReader: Sendable {
    private let catalogue: Catalogue
    let frames: FrameReader
    private let scope: ScopeID
    private let since: Int64?
    private let copy: ScopeCopy<HeldPlaces>

    /// - Parameter since: Start of the session that reads: it sees what was let go after that, too.
    init(catalogue: Catalogue, frames: FrameReader, scope: ScopeID, since: Int64? = nil) {
        self.catalogue = catalogue
        copy = ScopeCopy(catalogue, scope) { HeldPlaces(try $0.heldPlaces(scope: scope, limit: $1)) }
        self.frames = frames
        self.scope = scope
        self.since = since
    }

    /// The bytes of an object.
    ///
    /// - Throws: ``StoreError/Code/notFound`` when neither the organisation nor `public` holds it,
    ///   ``StoreError/Code/corrupt`` when its bytes are damaged; both name the object.
    /// - Complexity: One catalogue look-up, and one frame decompressed unless it is among the last ones read.
    package func read(_ key: ObjectKey) throws(StoreError) -> [UInt8] {
        try StoreError.mapped {
            var last: Int64?
            while true {
                let (place, holder) = try self.place(of: key)
                do {
                    return try frames.read(place)
                } catch  where StoreError(mapping: error).code == .corrupt {
                    // A pack may be rewritten between look-up and read: the next look-up finds the new place.
                    if place.frame != last {
                        last = place.frame
                        continue
                    }
                    markBad(place, holder)
                    guard error is PackError else { throw error }
                    throw StoreError(
                        .corrupt, "The pack that holds \(key) is missing or damaged.",
                        hint: "Run `snapstore fsck` to see which snapshots it concerns.")
                }
            }
        }
    }

    /// Calls `body` with all objects, in the order in which their frames lie in packs: with those of one frame together, in
    /// the order of `keys`.
    ///
    /// For many objects of the same frames much less work than ``read(_:)``: the catalogue is asked for all at once, digests
    /// are computed side by side, and no bytes are copied. What is not found so is read as by ``read(_:)``.
    ///
    /// - Throws: What `body` throws, as it is; ``StoreError`` otherwise, as ``read(_:)``.
    package func read(_ keys: [ObjectKey], _ body: ([LoadedObject]) throws -> Void) throws {
        var (found, others) = try StoreError.mapped { try places(of: keys) }
        found.sort { ($0.place.frame, $0.number) < ($1.place.frame, $1.number) }
        for group in found.runsOfFrames() {
            others += try frames.read(group, body)
        }
        for number in others {
            let bytes = try read(keys[number])
            try bytes.withUnsafeBytes { try body([LoadedObject(number: number, bytes: $0)]) }
        }
    }

    /// Where objects are that can be read, and the numbers of the others.
    func places(of keys: [ObjectKey]) throws -> (found: [(number: Int, place: ObjectPlace)], others: [Int]) {
        var found: [(number: Int, place: ObjectPlace)] = []
        var others: [Int] = []
        found.reserveCapacity(keys.count)
        // A place that is no longer the right one is met by the digest, and looked up.
        let known = copy.value(asking: keys.count)
        var unknown: [Int] = []
        for (number, key) in keys.enumerated() {
            if let place = known?.place(of: key) { found.append((number, place)) } else { unknown.append(number) }
        }
        guard !unknown.isEmpty else { return (found, others) }
        let asked = unknown.map { keys[$0] }
        let rows = try catalogue.lookUp { tx in
            try tx.together { try tx.visibleObjects(asked, scope: scope, since: since) }
        }
        for (number, row) in zip(unknown, rows.map { $0?.row }) {
            if let row, !row.isBad, let place = row.place {
                found.append((number, place))
            } else {
                others.append(number)
            }
        }
        return (found, others)
    }

    /// The row with the bytes. A transaction costs more than the look-up; it is what decides that there are none.
    private func find(_ key: ObjectKey) throws -> (row: ObjectRow, holder: ScopeID)? {
        let found = try catalogue.lookUp { try $0.visibleObject(key, scope: scope, since: since) }
        return try found ?? catalogue.read { try $0.visibleObject(key, scope: scope, since: since) }
    }

    /// Where the bytes are, and in which scope's row that is noted.
    func place(of key: ObjectKey) throws -> (ObjectPlace, ScopeID) {
        let found = try find(key)
        guard let (row, holder) = found, let place = row.place else {
            throw StoreError(
                .notFound, "The store does not hold \(key).",
                hint: "Run `snapstore fsck` if a snapshot should contain it.")
        }
        guard !row.isBad else {
            throw StoreError(
                .corrupt, "The stored bytes of \(key) are damaged.",
                hint: "Capturing or pushing the same content again heals it; `snapstore fsck` names the snapshots.")
        }
        return (place, holder)
    }

    /// Marks the row whose bytes are damaged, so that a later capture stores them again. Best effort: a store that
    /// cannot be written to still says that the bytes are corrupt.
    private func markBad(_ place: ObjectPlace, _ holder: ScopeID) {
        _ = try? catalogue.write("mark-bad") { try $0.markBad(place.key, scope: holder, frame: place.frame, true) }
    }
}

extension ReadAccess {
    /// The row with the bytes that a reader of `scope` gets for `key`: its own, or that of `public` when its own is
    /// borrowed or the public one is held. For a session also what was held at its start, `since`, and is only let go.
    func visibleObject(_ key: ObjectKey, scope: ScopeID, since: Int64? = nil) throws
        -> (row: ObjectRow, holder: ScopeID)?
    {
        try visibleObjects([key], scope: scope, since: since).first ?? nil
    }

    /// What ``visibleObject(_:scope:since:)`` says of each of several.
    func visibleObjects(_ keys: [ObjectKey], scope: ScopeID, since: Int64? = nil) throws
        -> [(row: ObjectRow, holder: ScopeID)?]
    {
        func isVisible(_ row: ObjectRow) -> Bool {
            // Let go, but not yet condemned: its children are being counted.
            if row.refs == 0, let since { return row.condemned ?? .max > since }
            return row.refs > 0
        }
        return try zip(keys, objects(keys, scope: scope)).map { key, own in
            if let own, own.frame != nil, isVisible(own) { return (own, scope) }
            guard scope != .public, let shared = try object(key, scope: .public) else { return nil }
            return isVisible(shared) || own.map(isVisible) ?? false ? (shared, .public) : nil
        }
    }
}

extension [(number: Int, place: ObjectPlace)] {
    /// Runs of neighbours in the same frame.
    func runsOfFrames() -> [[Element]] {
        var runs: [[Element]] = []
        for element in self {
            if let last = runs.last?.last, last.place.frame == element.place.frame {
                runs[runs.count - 1].append(element)
            } else {
                runs.append([element])
            }
        }
        return runs
    }
}
