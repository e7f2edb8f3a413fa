internal import CCrypto

/// SHA-256 (FIPS 180-4) through OpenSSL's EVP: the algorithm fetched once, one context reused.
///
/// Not Sendable: each worker keeps its own. Fetching per call would cost about 350 ns a message.
public final class SHA256 {
    private let context: OpaquePointer

    /// What OpenSSL could not do: only a broken installation or exhausted memory leads here.
    public struct Unavailable: Error, CustomStringConvertible {
        public let description: String
    }

    // Fetched once for the process and never freed; OpenSSL's EVP_MD is immutable and may be shared.
    private nonisolated(unsafe) static let algorithm: OpaquePointer? = EVP_MD_fetch(nil, "SHA2-256", nil)

    /// The version of OpenSSL that this process runs with.
    package static var libraryVersion: String {
        let number = OpenSSL_version_num()
        return "\(number >> 28).\(number >> 20 & 0xff).\(number >> 4 & 0xffff)"
    }

    /// - Throws: ``Unavailable`` when OpenSSL offers no SHA-256.
    public init() throws(Unavailable) {
        guard SHA256.algorithm != nil, let context = EVP_MD_CTX_new() else {
            throw Unavailable(description: "OpenSSL offers no SHA-256: check the installation of libssl3.")
        }
        self.context = context
        guard EVP_DigestInit_ex(context, SHA256.algorithm, nil) == 1 else {
            EVP_MD_CTX_free(context)
            throw Unavailable(description: "OpenSSL could not start SHA-256: check the installation of libssl3.")
        }
    }

    deinit { EVP_MD_CTX_free(context) }

    /// The digest of `bytes`. Discards what ``update(_:)`` was given before.
    public func digest(_ bytes: UnsafeRawBufferPointer) -> Digest {
        reset()
        update(bytes)
        return finish()
    }

    /// The digest of `bytes`. Discards what ``update(_:)`` was given before.
    public func digest(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { digest($0) }
    }

    /// Starts a new message.
    public func reset() {
        EVP_DigestInit_ex(context, SHA256.algorithm, nil)
    }

    /// Adds `bytes` to the message.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        EVP_DigestUpdate(context, start, bytes.count)
    }

    /// The digest of the message; the next one starts with ``reset()``.
    public func finish() -> Digest {
        withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { output in
            var length: UInt32 = 0
            let code = EVP_DigestFinal_ex(context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), &length)
            // Neither can fail on an initialised context; a wrong digest must never be returned in silence.
            precondition(code == 1 && length == 32, "SHA-256 failed inside OpenSSL")
            return Digest(bytes: UnsafeRawBufferPointer(output))
        }.unsafelyUnwrapped
    }
}
