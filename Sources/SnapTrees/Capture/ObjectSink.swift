package import SnapCore
package import SnapDigest
package import SnapModel

/// Where captured objects go: a session of the store, or memory in tests.
package protocol ObjectSink: AnyObject {
    /// Whether the object is held, or was put in this session, and can be read: an object that failed its check does
    /// not count.
    func contains(_ key: ObjectKey) throws -> Bool

    /// Stores the bytes under their key, which the caller has computed. Cheap and without effect when held already.
    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws

    /// What a thread asks before ``put(_:_:isHeld:)``; nil where there is nothing faster than to put.
    func makeHeldObjects() throws -> HeldObjects?

    /// As ``put(_:_:)``, of an object that was asked for.
    func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer, isHeld: Bool?) throws

    /// Counts content that the stat cache knew: its objects are held and need not be put. False if they cannot be read
    /// after all: then the file is.
    func reuse(_ content: Content) -> Bool

    /// Whether there is a snapshot with this manifest, so that all that belongs to it is held.
    func hasSnapshot(_ manifest: Digest) -> Bool

    /// Whether some object that this organisation can read is known to be damaged. Then nothing may be taken from the
    /// stat cache, because a file read again heals its chunks.
    var hasDamage: Bool { get }

    /// From now on the chunks are those of the table of hard links.
    func beginLinks()
}

extension ObjectSink {
    package func makeHeldObjects() throws -> HeldObjects? { nil }

    package func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer, isHeld: Bool?) throws { try put(key, bytes) }

    package func hasSnapshot(_ manifest: Digest) -> Bool { false }

    package var hasDamage: Bool { false }

    package func reuse(_ content: Content) -> Bool { true }

    package func beginLinks() {}
}
