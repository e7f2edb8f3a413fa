internal import SnapCatalogue
internal import SnapDigest
internal import SnapIO
internal import SnapModel

/// When a snapshot is scattered so far that its objects are moved.
///
/// Snapshots are taken from the newest on. What a newer one holds stays as that one needs it; of a frame in which a snapshot
/// has objects that no newer one holds, and no other, they are moved, if that saves enough.
package struct CompactionRule: Sendable {
    /// Nothing is done for a snapshot for which less than this part of its bytes is decoded in vain.
    package var excessPartMin = 0.1
    /// Nor for one for which fewer bytes are: a small one always shares frames with others.
    package var excessBytesMin: Int64 = 8 << 20
    /// Bytes that are decoded in vain for each byte moved, at least.
    package var gainMin = 0.25
    /// Bytes that are moved at once: what is lost when it is cut short.
    package var moveBytesMax: Int64 = 256 << 20

    package init() {}
}

/// Which objects a compaction moves: those that a snapshot has in certain frames, snapshot after snapshot.
///
/// Cost: a read of the metadata of every snapshot, and a look-up of each object for each of them. Memory: some 200 bytes for
/// each frame, and 16 for each piece of it that is used apart from others.
struct CompactionPlan {
    struct Item {
        let manifest: Digest
        /// Frames from which what is there of the snapshot goes, and their packs.
        let packs: [Int64: Int64]
        /// Raw bytes that are moved, and about what they take in packs.
        let bytes: Int64
        let storedBytes: Int64
    }

    private(set) var items: [Item] = []
    private let rule: CompactionRule
    /// What newer snapshots hold of each frame, there or moved away by what is planned.
    private var claimed: [Int64: (here: ByteRanges, moved: ByteRanges)] = [:]

    init(_ rule: CompactionRule) {
        self.rule = rule
    }

    mutating func add(_ manifest: Digest, _ walk: SnapshotWalk, frame load: (Int64) throws -> FrameRow?) throws {
        var layout = SnapshotLayout()
        /// What no newer snapshot has, and frames that are decoded anyway.
        var own: [Int64: ByteRanges] = [:]
        var fixed: Set<Int64> = []
        var movedBytes: Int64 = 0
        try walk.forEachPlace(of: manifest) { place in
            let object = place.object
            let claim = claimed[object.frame]
            guard claim?.moved.contains(object.position) != true else {
                movedBytes += object.length
                return
            }
            guard try layout.add(object, frame: load) else { return }
            if !place.isOwn || claim?.here.contains(object.position) == true {
                fixed.insert(object.frame)
            } else {
                _ = own[object.frame, default: ByteRanges()].insert(
                    object.position..<(object.position + object.length))
            }
        }
        let all = layout.figures.objectBytes + movedBytes
        let chosen = choose(own.filter { !fixed.contains($0.key) }, layout, objectBytes: all)
        for (frame, ranges) in own {
            if chosen[frame] == nil {
                claimed[frame, default: (ByteRanges(), ByteRanges())].here.formUnion(ranges)
            } else {
                claimed[frame, default: (ByteRanges(), ByteRanges())].moved.formUnion(ranges)
            }
        }
        guard !chosen.isEmpty else { return }
        var bytes: Int64 = 0
        var storedBytes = 0.0
        for use in chosen.values {
            bytes += use.ranges.count
            storedBytes += Double(use.row.storedBytes) * Double(use.ranges.count) / Double(max(1, use.rawBytes))
        }
        items.append(
            Item(
                manifest: manifest, packs: chosen.mapValues { $0.row.pack }, bytes: bytes,
                storedBytes: Int64(storedBytes)))
    }

    /// The frames from which it is worth moving what a snapshot has there.
    private func choose(_ own: [Int64: ByteRanges], _ layout: SnapshotLayout, objectBytes: Int64)
        -> [Int64: SnapshotLayout.FrameUse]
    {
        let candidates = layout.frames.filter { own[$0.key] != nil && $0.value.excessBytes > 0 }
        let excess = candidates.values.reduce(Int64(0)) { $0 + $1.excessBytes }
        guard excess >= rule.excessBytesMin, Double(excess) >= rule.excessPartMin * Double(objectBytes) else {
            return [:]
        }
        return candidates.filter { Double($0.value.excessBytes) >= rule.gainMin * Double($0.value.ranges.count) }
    }
}

extension GarbageCollector {
    /// Objects that are moved at once: their places are in memory.
    private static let moveObjectsMax = 50_000
    static let compactionsMax = 4

    private func compactionPlan(_ rule: CompactionRule, _ scope: ScopeRow) throws -> CompactionPlan {
        var plan = CompactionPlan(rule)
        let walk = SnapshotWalk(store: store, scope: scope.id, passesDamage: true, step: options.step)
        var seen: Set<Digest> = []
        let records = try store.catalogue.read { tx in
            let orgs = Set(try tx.orgs().filter { $0.scope == scope.id }.map(\.id))
            return try tx.allRecords().filter { orgs.contains($0.org) }
        }
        for record in records.reversed() where seen.insert(record.manifest).inserted {
            try plan.add(record.manifest, walk) { id in try store.catalogue.read { try $0.frame(id) } }
        }
        return plan
    }

    mutating func foreseeCompaction(_ scope: ScopeRow) throws {
        guard let rule = options.compact, try !store.isBeingBackedUp() else { return }
        for item in try compactionPlan(rule, scope).items {
            result.compactedSnapshots += 1
            result.compactedBytes += item.bytes
        }
    }

    /// Moves what is scattered, snapshot after snapshot, into new packs in the order of the snapshot. The old packs go when
    /// nothing is left in them, or are rewritten like others with dead parts.
    ///
    /// Each move is whole or has not been: what was done before a run that was cut short stays done.
    ///
    /// - Returns: Whether anything was moved.
    mutating func compact(_ scope: ScopeRow) throws -> Bool {
        guard let rule = options.compact, try !store.isBeingBackedUp() else { return false }
        let before = result.compactedBytes
        for item in try compactionPlan(rule, scope).items {
            guard try moveIfRoom(item, rule, scope) else {
                let reason = "There was no room to put some snapshots together: free some, then compact again."
                if !result.reasons.contains(reason) { result.reasons.append(reason) }
                break
            }
            compacted.insert(item.manifest)
            result.compactedSnapshots = Int64(compacted.count)
            for pack in Set(item.packs.values).sorted() {
                guard let now = try store.catalogue.read({ try $0.pack(pack) }), now.state == .live,
                    now.session == nil, now.liveObjects == 0
                else { continue }
                try remove(now)
            }
        }
        return result.compactedBytes > before
    }

    /// Says whether there was room.
    private mutating func moveIfRoom(_ item: CompactionPlan.Item, _ rule: CompactionRule, _ scope: ScopeRow) throws
        -> Bool
    {
        guard try hasRoom(for: item) else { return false }
        do {
            try move(item, rule, scope)
            return true
        } catch  where StoreError(mapping: error).code == .outOfSpace {
            return false
        }
    }

    /// The catalogue and others need some room, too.
    private func hasRoom(for item: CompactionPlan.Item) throws -> Bool {
        let needed = UInt64(clamping: item.storedBytes + item.storedBytes / 8 + (4 << 20))
        return try Kernel.room(of: store.layout.packs).availableBytes >= needed
    }

    private mutating func move(_ item: CompactionPlan.Item, _ rule: CompactionRule, _ scope: ScopeRow) throws {
        let rewriter = PackRewriter(store: store, scope: scope, step: options.step)
        let walk = SnapshotWalk(store: store, scope: scope.id, passesDamage: true, step: options.step)
        var batch: [ObjectPlace] = []
        var keys: Set<ObjectKey> = []
        var bytes: Int64 = 0
        func flush() throws -> (bytes: Int64, stored: Int64) {
            defer { (batch, keys, bytes) = ([], [], 0) }
            return (bytes, try rewriter.move(batch, packOf: item.packs))
        }
        var moved: (bytes: Int64, stored: Int64) = (0, 0)
        try walk.forEachPlace(of: item.manifest) { place in
            let object = place.object
            guard place.isOwn, item.packs[object.frame] != nil, keys.insert(object.key).inserted else { return }
            batch.append(object)
            bytes += object.length
            guard batch.count >= Self.moveObjectsMax || bytes >= rule.moveBytesMax else { return }
            let done = try flush()
            moved = (moved.bytes + done.bytes, moved.stored + done.stored)
        }
        let done = try flush()
        result.compactedBytes += moved.bytes + done.bytes
        result.freedBytes -= moved.stored + done.stored
    }
}
