import SnapDigest
import SnapModel

/// Names objects by their digest and hands them to the sink. One a thread.
final class ObjectWriter {
    private let sink: any ObjectSink
    private let hasher: SHA256

    init(sink: any ObjectSink) throws {
        self.sink = sink
        hasher = try SHA256()
    }

    func digest(_ bytes: [UInt8]) -> Digest { hasher.digest(bytes) }

    /// - Parameter known: The digest of the bytes, where it has been computed.
    /// - Throws: ``SinkFailure``, so that an error of the store is never taken for one of the captured tree.
    func put(_ kind: ObjectKind, _ bytes: UnsafeRawBufferPointer, digest known: Digest? = nil) throws -> Digest {
        let digest = known ?? hasher.digest(bytes)
        do {
            try sink.put(ObjectKey(kind, digest), bytes)
        } catch {
            throw SinkFailure(cause: error)
        }
        return digest
    }

    func put(_ kind: ObjectKind, _ bytes: [UInt8]) throws -> Digest {
        try bytes.withUnsafeBytes { try put(kind, $0) }
    }

    func contains(_ key: ObjectKey) throws -> Bool {
        do {
            return try sink.contains(key)
        } catch {
            throw SinkFailure(cause: error)
        }
    }

    /// Whether everything that `content` refers to is there, so that it need not be put. What a list refers to is there
    /// when the list is.
    ///
    /// - Parameter isHeld: Whether that is known already.
    func reuse(_ content: Content, isHeld: Bool) throws -> Bool {
        if isHeld { return sink.reuse(content) }
        switch content.body {
        case .inline: break
        case .list(let digest):
            guard try contains(ObjectKey(.list, digest)) else { return false }
        case .segments(let segments):
            for case .data(let digest, _) in segments {
                guard try contains(ObjectKey(.chunk, digest)) else { return false }
            }
        }
        return sink.reuse(content)
    }
}

/// An error of the sink or of scratch space on its way through the walk; ``Capture`` takes the cause out again.
struct SinkFailure: Error {
    let cause: any Error
}
