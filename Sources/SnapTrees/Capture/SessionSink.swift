package import SnapCore
package import SnapDigest
package import SnapModel

/// Puts captured objects into a session of the store.
package final class SessionSink: ObjectSink {
    private let session: Session
    private let org: String
    /// Reads the nodes of reused chunk lists.
    private var reader: ObjectReader?

    package init(_ session: Session, org: String) {
        self.session = session
        self.org = org
    }

    package func contains(_ key: ObjectKey) throws -> Bool { try session.contains(key) }

    package func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) throws { try session.put(key, bytes) }

    package func makeHeldObjects() throws -> HeldObjects? { try session.makeHeldObjects() }

    package func put(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer, isHeld: Bool?) throws {
        try session.put(key, bytes, isHeld: isHeld)
    }

    package func hasSnapshot(_ manifest: Digest) -> Bool { (try? session.hasSnapshot(manifest)) ?? false }

    /// When it cannot be told, nothing is reused.
    package var hasDamage: Bool { (try? session.hasDamage()) ?? true }

    /// Counts the chunks and list nodes of the content among those of the snapshot.
    ///
    /// - Complexity: Reads the nodes of a list: about 1 byte for each 400 of the file.
    package func reuse(_ content: Content) -> Bool { (try? count(content)) != nil }

    private func count(_ content: Content) throws {
        if case .inline = content.body { return }
        if case .segments(let segments) = content.body { return segments.forEach(note) }
        var cursor = try SegmentCursor(content) { [self] key in
            let bytes = try listReader().read(key)
            session.noteReused(key, length: bytes.count)
            return bytes
        }
        while let segment = try cursor.next() { note(segment) }
    }

    private func note(_ segment: Segment) {
        guard case .data(let digest, let size) = segment else { return }
        session.noteReused(ObjectKey(.chunk, digest), length: Int(size))
    }

    private func listReader() throws -> ObjectReader {
        if let reader { return reader }
        let made = try session.store.reader(org: org)
        reader = made
        return made
    }
}
