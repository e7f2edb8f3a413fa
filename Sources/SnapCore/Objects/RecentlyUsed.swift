/// What was used last, bounded in bytes; the least recently used goes first, but never the last one that is left.
///
/// - Complexity: Linear in what is kept, where something goes: for a few dozen large things.
struct RecentlyUsed<Value> {
    private let bytesMax: Int
    private var kept: [Int64: (value: Value, bytes: Int, used: UInt64)] = [:]
    private var bytes = 0
    private var clock: UInt64 = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    mutating func use(_ id: Int64) -> Value? {
        guard let found = kept[id] else { return nil }
        clock += 1
        kept[id]?.used = clock
        return found.value
    }

    mutating func insert(_ id: Int64, _ value: Value, bytes size: Int) {
        remove(id)
        clock += 1
        kept[id] = (value, size, clock)
        bytes += size
        while bytes > bytesMax, kept.count > 1, let oldest = kept.min(by: { $0.value.used < $1.value.used }) {
            remove(oldest.key)
        }
    }

    mutating func remove(_ id: Int64) {
        if let old = kept.removeValue(forKey: id) { bytes -= old.bytes }
    }
}
