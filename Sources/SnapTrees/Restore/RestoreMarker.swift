internal import Glibc
internal import SnapDigest
internal import SnapIO

/// The file at the top of a directory that is being restored: it is made first and removed last, so that half a restore
/// never looks whole, and says of what, so that the same restore may go on.
struct RestoreMarker: Sendable {
    static let name = Array(".snapstore-incomplete".utf8)

    let text: [UInt8]

    init(manifest: Digest, options: RestoreOptions) {
        let path = options.path.isEmpty ? "" : "path \(Hex.encode(options.path))\n"
        text = Array("snapstore restore of \(manifest)\n\(path)".utf8)
    }

    /// The marker in a directory, if there is one.
    static func read(in root: Descriptor) throws(IOError) -> [UInt8]? {
        let file: Descriptor
        do {
            file = try Kernel.openBeneath(root, name, [.readOnly, .noFollow, .nonBlocking])
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        var count = 0
        var failure: IOError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(IOError) { count = try Kernel.read(file, into: buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
        return Array(bytes[..<count])
    }

    func write(in root: Descriptor) throws(IOError) {
        let file = try Kernel.openBeneath(root, Self.name, [.writeOnly, .create, .exclusive, .noFollow], mode: 0o600)
        var failure: IOError?
        text.withUnsafeBytes { buffer in
            do throws(IOError) { try Kernel.write(file, buffer, at: 0) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    static func remove(in root: Descriptor) throws(IOError) {
        try Kernel.unlink(in: root, name)
    }
}
