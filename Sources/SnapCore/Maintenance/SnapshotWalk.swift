internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel

/// Where the objects of a snapshot are, in the order in which a restore needs them: a node, then what it names from the
/// first to the last, each with all that is below it.
///
/// Each distinct node is read once. Memory: some 30 bytes for each of them, and the names in those that are open. For one
/// thread.
struct SnapshotWalk {
    /// An object whose bytes the reader's own scope has, or those of another, which nobody may move from here.
    struct Place {
        let object: ObjectPlace
        let isOwn: Bool
    }

    private let store: Store
    private let scope: ScopeID
    private let objects: JobObjects
    /// What cannot be read is passed over; otherwise it is an error.
    private let passesDamage: Bool
    private let step: MaintenanceStep

    init(store: Store, scope: ScopeID, passesDamage: Bool, step: @escaping MaintenanceStep) {
        self.store = store
        self.scope = scope
        self.passesDamage = passesDamage
        self.step = step
        objects = JobObjects(
            catalogue: store.catalogue, frames: store.frames, scope: scope, session: nil, uploads: nil)
    }

    private struct Node {
        let children: [(key: ObjectKey, place: Place?)]
        var next = 0
    }

    /// Calls `body` with each object below a manifest, and itself; with one that several nodes name, each time.
    func forEachPlace(of manifest: Digest, _ body: (Place) throws -> Void) throws {
        var seen = DistinctObjects()
        let top = ObjectKey(.manifest, manifest)
        var stack = [Node(children: try located([top]))]
        while let node = stack.last {
            guard node.next < node.children.count else {
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            let (key, place) = node.children[node.next]
            if let place { try body(place) }
            guard key.kind.hasChildren, seen.note(key, length: 0) else { continue }
            try step(0, 0)
            stack.append(Node(children: try located(children(of: key))))
        }
    }

    private func children(of key: ObjectKey) throws -> [ObjectKey] {
        guard passesDamage else { return try objects.children(of: key) }
        return try objects.readableChildren(of: key) ?? []
    }

    private func located(_ keys: [ObjectKey]) throws -> [(key: ObjectKey, place: Place?)] {
        // Some at a time: a long read transaction would hold on to the log.
        try keys.batches(of: 5000).flatMap { batch in
            try store.catalogue.read { tx in
                try batch.map { key in
                    guard let (row, holder) = try tx.visibleObject(key, scope: scope), let object = row.place,
                        !row.isBad
                    else { return (key, nil) }
                    return (key, Place(object: object, isOwn: holder == scope))
                }
            }
        }
    }
}
