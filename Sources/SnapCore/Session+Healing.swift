internal import SnapCatalogue
internal import SnapModel

// A new copy of a damaged object replaces it, for every snapshot that needs it.

extension Session {
    /// Whether the scope holds the object, but with bytes that failed their check.
    func isDamaged(_ key: ObjectKey) throws -> Bool {
        // What is borrowed and yet is to be put has bytes that failed their check in `public`.
        try store.catalogue.read { tx in
            guard let row = try tx.object(key, scope: org.scope) else { return false }
            return row.isBad || (row.frame == nil && row.refs > 0)
        }
    }

    /// Points damaged objects at the copies that this session has written. They are held already, so no commit is
    /// needed for it.
    func heal() throws {
        guard !healing.isEmpty else { return }
        try finishWriter()
        // The packs belong to the store from here on, whatever becomes of the session.
        while try store.catalogue.write("publish", { try $0.publishPacks(session: row.id, limit: 200) }) == 200 {}
        for batch in healing.batches(of: 250) {
            try store.catalogue.write("heal") { tx in
                for key in batch {
                    guard let bad = try tx.reading.object(key, scope: org.scope), bad.isBad || bad.frame == nil,
                        let place = try uploads.place(key) ?? tx.reading.upload(key, session: row.id),
                        let to = try tx.reading.frame(place.frame)?.pack
                    else { continue }
                    try tx.moveObject(key, scope: org.scope, frame: place.frame, position: place.position)
                    if bad.frame == nil {
                        try tx.addBorrows(key, -1)
                        // A pack that was lost may be forgotten already.
                    } else if let from = try bad.frame.flatMap({ try tx.reading.frame($0)?.pack }) {
                        try tx.addLive(pack: from, objects: -1, bytes: -bad.length)
                    }
                    try tx.addLive(pack: to, objects: 1, bytes: place.length)
                }
            }
        }
        healing = []
    }
}
