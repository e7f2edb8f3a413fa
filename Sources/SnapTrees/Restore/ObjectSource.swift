internal import SnapCore
internal import SnapModel

/// Where a restore has its objects from: one at a time, or several that are wanted in any order.
struct ObjectSource: Sendable {
    /// Reads some objects, and calls the closure with the number and the bytes of each, once, in any order.
    typealias Several = @Sendable ([ObjectKey], (Int, UnsafeRawBufferPointer) throws -> Void) throws -> Void

    let load: SharedObjectLoader
    let several: Several

    /// From what reads one object, checked against its digest; several threads at once.
    init(load: @escaping SharedObjectLoader) {
        self.load = load
        several = { keys, body in
            for (number, key) in keys.enumerated() { try load(key).withUnsafeBytes { try body(number, $0) } }
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
                try several(keys) { number, bytes in
                    try progress.check()
                    try body(number, bytes)
                }
            })
    }

    private init(load: @escaping SharedObjectLoader, several: @escaping Several) {
        self.load = load
        self.several = several
    }
}
