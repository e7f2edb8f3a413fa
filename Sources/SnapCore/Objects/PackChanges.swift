internal import SnapCatalogue

/// What a transaction changes of the packs' counts of objects in use, written once at its end.
struct PackChanges {
    private var changes: [Int64: (objects: Int64, bytes: Int64)] = [:]

    /// - Parameter objects: How many of `bytes` together came to the pack, or went from it when negative.
    mutating func add(pack: Int64, objects: Int64, bytes: Int64) {
        changes[pack, default: (0, 0)].objects += objects
        changes[pack, default: (0, 0)].bytes += bytes
    }

    /// Packs that change.
    var count: Int { changes.count }

    var packs: Set<Int64> { Set(changes.keys) }

    func write(_ tx: WriteAccess) throws {
        for (pack, change) in changes {
            try tx.addLive(pack: pack, objects: change.objects, bytes: change.bytes)
        }
    }
}
