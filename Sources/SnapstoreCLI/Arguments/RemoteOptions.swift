import ArgumentParser
import SnapClient
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTransfer
import Snapstore

/// Which server a command speaks to, and as whom. The token is never an argument: others see those.
enum Remote {
    /// - Parameter url: nil: the setting `remote`.
    static func open(_ url: String?) throws(StoreError) -> RemoteStore {
        let setting = try Settings.value(.remote)?.value
        guard let url = url ?? setting else {
            throw StoreError(
                .invalid, "Nothing says which server to speak to.",
                hint: "Give its URL, or set it for all: snapstore config set remote http://127.0.0.1:7770.")
        }
        return try RemoteStore(url: url, token: token(), authorities: environment("SNAPSTORE_CA_FILE"))
    }

    /// From `SNAPSTORE_TOKEN`, or the file that `SNAPSTORE_TOKEN_FILE` names.
    private static func token() throws(StoreError) -> AccessToken {
        let variable = environment("SNAPSTORE_TOKEN").map { (text: $0, place: "SNAPSTORE_TOKEN") }
        let file = try fileToken()
        guard let (text, place) = variable ?? file else {
            throw StoreError(
                .unauthorized, "There is no token to show to the server.",
                hint: "Set SNAPSTORE_TOKEN, or SNAPSTORE_TOKEN_FILE to the path of a file with mode 0600.")
        }
        do {
            return try AccessToken(text)
        } catch let error as FormatError {
            throw StoreError(.invalid, "\(place): \(error.message)")
        } catch {
            throw StoreError(mapping: error)
        }
    }

    private static func fileToken() throws(StoreError) -> (text: String, place: String)? {
        guard let path = environment("SNAPSTORE_TOKEN_FILE") else { return nil }
        return try StoreError.mapped {
            guard try Kernel.status(path: path).mode & 0o077 == 0 else {
                throw StoreError(
                    .notAllowed, "Others may read the token in \(path).", hint: "chmod 600 \(RawText.printable(path))")
            }
            let bytes = try Kernel.readFile(path, limit: 4096)
            let text = String(decoding: bytes.last == 10 ? bytes.dropLast() : bytes[...], as: UTF8.self)
            return (text, "SNAPSTORE_TOKEN_FILE")
        }
    }
}

extension RemoteStore {
    /// The snapshot that a reference means there: of the token's organisation, or of another what is public.
    ///
    /// - Throws: ``StoreError/Code/notFound``, ``StoreError/Code/invalid`` for a digest, which names content and no snapshot.
    func find(_ reference: String) async throws -> SnapshotMessage {
        let parsed = try SnapshotResolver.parse(reference)
        let missing = StoreError(
            .notFound, "There is no snapshot `\(RawText.printable(reference))` on \(url), for this token.",
            hint: "Look at the name, and at the organisation of the token.")
        let wanted: (name: String, tag: String?, digest: Digest?)
        switch parsed.target {
        case .record(let bytes):
            guard let id = RecordID(bytes: bytes) else { throw missing }
            return try await snapshot(id: id)
        case .name(let name, let tag, let digest): wanted = (name, tag, digest)
        case .prefix(let name) where SnapshotName.isValid(name): wanted = (name, nil, nil)
        default: throw StoreError(.invalid, "A snapshot of a server is named by NAME, NAME:TAG or its id.")
        }
        let list = try await snapshots(org: parsed.org, name: wanted.name, tag: wanted.tag ?? Reference.defaultTag)
        if let found = list.snapshots.first, parsed.org.map({ $0 == found.org }) ?? true,
            wanted.digest.map({ $0.description == found.digest }) ?? true
        {
            return found
        }
        throw missing
    }
}
