internal import SnapCatalogue
internal import SnapModel
internal import SnapPacks

/// How much of the packs of a scope is dead, in bytes as they are stored: a dead archive takes more room than the text
/// around it that was as long before compression.
struct PackWaste {
    /// A pack with a dead part, and the stored bytes of that.
    struct Wasteful {
        let pack: PackRow
        let bytes: Int64
        var part: Double { pack.storedBytes == 0 ? 0 : Double(bytes) / Double(pack.storedBytes) }
    }

    let store: Store
    let scope: ScopeRow
    /// Raw bytes in a frame that are still in use and count as dead.
    var expiring: [Int64: Int64] = [:]

    /// The worst packs, as many as bring the dead part of all below a bound.
    ///
    /// Cost: nothing where even dead bytes that do not compress would stay below it; otherwise a look at every object of
    /// the packs with dead parts.
    func worst(of packs: [PackRow], deadPartMax: Double, step: MaintenanceStep) throws -> [Wasteful] {
        let bound = deadPartMax * packs.reduce(0.0) { $0 + Double($1.storedBytes) }
        let suspects = packs.filter { $0.deadBytes > 0 }
        guard suspects.reduce(0.0, { $0 + Double(min($1.deadBytes, $1.storedBytes)) }) > bound else { return [] }
        let wasteful = try suspects.map { pack in
            try step(0, 0)
            return Wasteful(pack: pack, bytes: try deadBytes(of: pack))
        }
        var dead = wasteful.reduce(0.0) { $0 + Double($1.bytes) }
        var chosen: [Wasteful] = []
        for item in wasteful.sorted(by: { $0.part > $1.part }) {
            guard dead > bound else { break }
            chosen.append(item)
            dead -= Double(item.bytes)
        }
        return chosen
    }

    /// Frame by frame: what is dead of one takes its part of the stored bytes.
    private func deadBytes(of pack: PackRow) throws -> Int64 {
        guard let id = PackID(bytes: pack.uid),
            let index = try PackRewriter.readIndex(id, scope: scope.name, store.backend)
        else { return Int64(Double(pack.storedBytes) * min(1, pack.deadPart)) }
        let frames = try store.catalogue.read { try $0.frames(pack: pack.id) }
        var live: [Int64: Int64] = [:]
        for place in try store.placesInUse(index, frames: frames.map(\.id), scope: scope.id) {
            live[place.frame, default: 0] += place.length
        }
        let dead = frames.reduce(0.0) { sum, frame in
            let used = Double((live[frame.id] ?? 0) - (expiring[frame.id] ?? 0))
            return sum + Double(frame.storedBytes) * (1 - min(1, max(0, used / Double(max(1, frame.rawBytes)))))
        }
        return min(pack.storedBytes, Int64(dead))
    }
}

extension Store {
    /// The objects of a pack that are in use, in its order.
    ///
    /// - Parameter frames: The rows of its frames, in order.
    func placesInUse(_ index: PackIndex, frames: [Int64], scope: ScopeID) throws -> [ObjectPlace] {
        // Some at a time: a read transaction over all objects of a pack would hold on to the log.
        try PackRegistration.places(index, frames: frames).batches(of: 5000).flatMap { batch in
            try catalogue.read { tx in
                try batch.filter { try tx.object($0.key, scope: scope)?.frame == $0.frame }
            }
        }
    }
}
