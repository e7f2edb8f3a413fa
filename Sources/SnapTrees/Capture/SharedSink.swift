import SnapIO
import SnapModel

/// A sink for several threads: one at a time.
final class SharedSink: ObjectSink, @unchecked Sendable {
    // Only used by whoever holds the lock.
    private let sink: any ObjectSink
    // A thread may hold it until a frame is compressed: Swift's Mutex would spin meanwhile.
    private let turn = Monitor(())

    init(_ sink: any ObjectSink) {
        self.sink = sink
    }

    func contains(_ key: ObjectKey) throws -> Bool { try turn.withLock { _ in try sink.contains(key) } }

    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        try turn.withLock { _ in try sink.put(key, bytes) }
    }

    func reuse(_ content: Content) -> Bool { turn.withLock { _ in sink.reuse(content) } }

    var hasDamage: Bool { turn.withLock { _ in sink.hasDamage } }

    func beginLinks() { turn.withLock { _ in sink.beginLinks() } }
}
