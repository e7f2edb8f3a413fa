internal import CSnapDigest

extension SHA256 {
    /// Whether this processor hashes several messages in less time than one after the other.
    package static let hashesSeveral = snap_sha256_is_supported() != 0

    /// The digest of each of several messages.
    ///
    /// One message waits at each round for the one before it; of two, one fills the time in which the other waits, so
    /// that a thread hashes about 1.6 times as much (`docs/decisions/0005`).
    public func digests(_ messages: [UnsafeRawBufferPointer]) -> [Digest] {
        guard SHA256.hashesSeveral, messages.count > 1 else { return messages.map { digest($0) } }
        return withUnsafeTemporaryAllocation(byteCount: messages.count * Digest.byteCount, alignment: 16) { output in
            withUnsafeTemporaryAllocation(of: snap_message.self, capacity: messages.count) { inputs in
                for (number, message) in messages.enumerated() {
                    inputs.initializeElement(
                        at: number,
                        to: snap_message(
                            bytes: message.baseAddress?.assumingMemoryBound(to: UInt8.self), count: message.count,
                            digest: output.baseAddress?.advanced(by: number * Digest.byteCount)
                                .assumingMemoryBound(to: UInt8.self)))
                }
                snap_sha256_messages(inputs.baseAddress, messages.count)
            }
            return (0..<messages.count).compactMap { number in
                let start = number * Digest.byteCount
                return Digest(bytes: UnsafeRawBufferPointer(rebasing: output[start..<(start + Digest.byteCount)]))
            }
        }
    }
}
