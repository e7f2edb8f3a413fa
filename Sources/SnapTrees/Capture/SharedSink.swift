import SnapCore
import SnapDigest
import SnapIO
import SnapModel

/// One thread's way to a sink that several threads put into: one at a time, but for the question whether an object is
/// held, which each asks for itself. That is most of what putting a known object takes.
final class SharedSink: ObjectSink {
    /// What the threads have in common.
    private final class Shared: @unchecked Sendable {
        // Only used by whoever holds the lock.
        let sink: any ObjectSink
        // A thread may hold it until a frame is compressed: Swift's Mutex would spin meanwhile.
        let turn = Monitor(())

        init(_ sink: any ObjectSink) { self.sink = sink }
    }

    private let shared: Shared
    private let held: HeldObjects?

    convenience init(_ sink: any ObjectSink) throws {
        try self.init(Shared(sink))
    }

    private init(_ shared: Shared) throws {
        self.shared = shared
        held = try shared.turn.withLock { _ in try shared.sink.makeHeldObjects() }
    }

    /// Makes the ways of other threads.
    var another: @Sendable () throws -> SharedSink {
        { [shared] in try SharedSink(shared) }
    }

    func contains(_ key: ObjectKey) throws -> Bool { try inTurn { try $0.contains(key) } }

    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws {
        let isHeld = try held?.contains(key)
        try inTurn { try $0.put(key, bytes, isHeld: isHeld) }
    }

    func reuse(_ content: Content) -> Bool { inTurn { $0.reuse(content) } }

    func hasSnapshot(_ manifest: Digest) -> Bool { inTurn { $0.hasSnapshot(manifest) } }

    var hasDamage: Bool { inTurn { $0.hasDamage } }

    func beginLinks() { inTurn { $0.beginLinks() } }

    private func inTurn<Result>(_ body: (any ObjectSink) throws -> Result) rethrows -> Result {
        try shared.turn.withLock { _ in try body(shared.sink) }
    }
}
