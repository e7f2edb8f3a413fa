internal import SnapCore
internal import SnapModel
internal import Synchronization

/// Where a restore has its objects from: one at a time, or several that are wanted in any order.
struct ObjectSource: Sendable {
    /// Reads some objects, and calls the closure with each once, in any order, with as many as can be had together.
    typealias Several = @Sendable ([ObjectKey], ([LoadedObject]) throws -> Void) throws -> Void

    let load: SharedObjectLoader
    let several: Several

    /// From what reads one object, checked against its digest; several threads at once.
    init(load: @escaping SharedObjectLoader) {
        self.load = load
        several = { keys, body in
            for (number, key) in keys.enumerated() {
                try load(key).withUnsafeBytes { try body([LoadedObject(number: number, bytes: $0)]) }
            }
        }
    }

    init(reader: ObjectReader) {
        load = { try reader.read($0) }
        several = { try reader.read($0, $1) }
    }

    /// The same, which ends when the job is to end.
    func checking(_ progress: Progress) -> ObjectSource {
        ObjectSource(
            load: { [load] key in
                try progress.check()
                return try load(key)
            },
            several: { [several] keys, body in
                try several(keys) { loaded in
                    try progress.check()
                    try body(loaded)
                }
            })
    }

    /// What a node takes beside its bytes, where it is kept.
    private static let keptNodeBytes = 128

    /// The same, which keeps the first nodes that it reads, in so many bytes: they are asked for twice, when a tree's size is
    /// added up and when it is written.
    func remembering(bytesMax: Int) -> ObjectSource {
        let nodes = Mutex((kept: [ObjectKey: [UInt8]](), left: bytesMax))
        return ObjectSource(
            load: { [load] key in
                guard key.kind != .chunk else { return try load(key) }
                if let bytes = nodes.withLock({ $0.kept[key] }) { return bytes }
                let bytes = try load(key)
                nodes.withLock { nodes in
                    let taken = bytes.count + Self.keptNodeBytes
                    guard taken <= nodes.left, nodes.kept.updateValue(bytes, forKey: key) == nil else { return }
                    nodes.left -= taken
                }
                return bytes
            }, several: several)
    }

    private init(load: @escaping SharedObjectLoader, several: @escaping Several) {
        self.load = load
        self.several = several
    }
}
