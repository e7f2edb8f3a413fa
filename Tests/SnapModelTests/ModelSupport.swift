import SnapDigest
import SnapModel
import TestSupport

/// Objects in memory: what builders hand out and cursors load.
final class Objects {
    private(set) var bytes: [ObjectKey: [UInt8]] = [:]
    private let hasher: SHA256

    init() throws { hasher = try SHA256() }

    @discardableResult
    func put(_ kind: ObjectKind, _ object: [UInt8]) throws -> Digest {
        let digest = hasher.digest(object)
        bytes[ObjectKey(kind, digest)] = object
        return digest
    }

    struct Missing: Error {}

    func load(_ key: ObjectKey) throws -> [UInt8] {
        guard let found = bytes[key] else { throw Missing() }
        return found
    }

    var keys: Set<ObjectKey> { Set(bytes.keys) }
}

func digest(_ text: String) throws -> Digest { try SHA256().digest(Array(text.utf8)) }

extension Metadata {
    static func plain(
        mode: UInt16 = 0o644, uid: UInt32 = 0, gid: UInt32 = 0, seconds: Int64 = 0, nanoseconds: UInt32 = 0,
        attributes: [ExtendedAttribute] = []
    ) -> Metadata {
        Metadata(
            mode: mode, uid: uid, gid: gid, modified: Timestamp(seconds: seconds, nanoseconds: nanoseconds),
            attributes: attributes)
    }
}

extension Entry {
    /// A FIFO: the shortest entry there is.
    static func fifo(_ name: [UInt8], _ metadata: Metadata = .plain()) -> Entry {
        Entry(name: name, metadata: metadata, node: .fifo)
    }

    static func fifo(_ name: String) -> Entry { fifo(Array(name.utf8)) }

    static func link(_ name: String, _ target: [UInt8]) -> Entry {
        Entry(name: Array(name.utf8), metadata: .plain(mode: 0o777), node: .symbolicLink(target))
    }

    static func file(_ name: String, _ content: Content) -> Entry {
        Entry(name: Array(name.utf8), metadata: .plain(), node: .file(content))
    }

    /// What a decoder makes of the encoding.
    func reread() throws -> Entry {
        var reader = ByteReader(try encoded(), "entry")
        let entry = try Entry.decode(from: &reader, isRoot: false)
        try reader.end()
        return entry
    }
}

/// Names found by trying, with the tails that a test wants.
enum Names {
    /// The first `count` of `prefix0`, `prefix1`, … whose tail passes `isWanted`.
    static func find(_ count: Int, _ prefix: String, where isWanted: (UInt64) -> Bool) throws -> [[UInt8]] {
        let hasher = try SHA256()
        var found: [[UInt8]] = []
        var number = 0
        while found.count < count {
            let name = Array("\(prefix)\(number)".utf8)
            if isWanted(hasher.digest(name).tail) { found.append(name) }
            number += 1
        }
        return found
    }
}
