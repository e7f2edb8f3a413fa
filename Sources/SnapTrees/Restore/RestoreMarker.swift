internal import Glibc
internal import SnapDigest
internal import SnapIO

/// The file at the top of a directory that is being restored: it is made first and removed last, so that half a restore
/// never looks whole, and says of what, so that the same restore may go on.
struct RestoreMarker: Sendable {
    static let name = Array(".snapstore-incomplete".utf8)

    /// What a directory says of an earlier restore into it.
    enum Found {
        /// It began, but had written nothing yet.
        case begun
        /// The same snapshot, part and trust. Within one boot of the machine what was written to a file is there; after
        /// a power cut names, lengths and times may be on the disk without the bytes.
        case same(isSameBoot: Bool)
        case other
    }

    /// What is restored, and how.
    private let identity: [UInt8]
    private let text: [UInt8]
    private let hasBoot: Bool

    /// - Parameter bootID: Of this run of the kernel; empty where it cannot be told.
    init(manifest: Digest, isPayload: Bool, options: RestoreOptions, bootID: String) {
        var identity = "snapstore restore of \(manifest)\n"
        if !options.path.isEmpty { identity += "path \(Hex.encode(options.path))\n" }
        if isPayload { identity += "payload\n" }
        if options.isUntrusted { identity += "untrusted\n" }
        self.identity = Array(identity.utf8)
        text = self.identity + Array("boot \(bootID)\n".utf8)
        hasBoot = !bootID.isEmpty
    }

    /// Reads the marker of a directory; nil when it has none.
    ///
    /// - Parameter isAlone: Nothing else is in the directory.
    func find(in root: Descriptor, isAlone: Bool) throws(IOError) -> Found? {
        guard let found = try Self.read(in: root) else { return nil }
        // One that was cut short says nothing, but the first name comes after its last byte.
        if isAlone, text.starts(with: found) { return .begun }
        guard found != text else { return .same(isSameBoot: hasBoot) }
        guard found.starts(with: identity + Array("boot ".utf8)), found.last == 10 else { return .other }
        return .same(isSameBoot: false)
    }

    /// The bytes of a file with the marker's name; of anything else that has it, bytes that are no marker.
    private static func read(in root: Descriptor) throws(IOError) -> [UInt8]? {
        do {
            guard try Kernel.status(in: root, name).type == .regular else { return [0] }
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        let file = try Kernel.openBeneath(root, name, [.readOnly, .noFollow, .nonBlocking])
        var bytes = [UInt8](repeating: 0, count: 4096)
        var count = 0
        var failure: IOError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(IOError) { count = try Kernel.read(file, into: buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes[..<count])
    }

    /// Makes the marker, durably: after a power cut the restore goes on.
    func write(in root: Descriptor) throws(IOError) {
        let file = try Kernel.openBeneath(root, Self.name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        var failure: IOError?
        text.withUnsafeBytes { buffer in
            do throws(IOError) { try Kernel.write(file, buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        try Kernel.syncFile(file)
    }

    static func remove(in root: Descriptor) throws(IOError) {
        try Kernel.unlink(in: root, name)
    }
}
