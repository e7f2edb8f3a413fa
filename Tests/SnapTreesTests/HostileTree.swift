import SnapCore
import SnapDigest
import SnapModel
import TestSupport
import Testing

/// Puts trees into a store as no capture would: whatever the format allows, and some of what it does not.
final class HostileTree {
    let session: Session

    init(_ bench: RestoreBench) throws {
        session = try bench.store.beginSession(.create, org: "local")
    }

    deinit { session.end() }

    static let metadata = Metadata(
        mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 1_700_000_000, nanoseconds: 5))

    static func entry(_ name: String, _ node: Node, _ change: (inout Metadata) -> Void = { _ in }) -> Entry {
        var metadata = metadata
        if case .symbolicLink = node { metadata.mode = 0o777 }
        change(&metadata)
        return Entry(name: Array(name.utf8), metadata: metadata, node: node)
    }

    static func file(_ name: String, _ text: String = "", _ change: (inout Metadata) -> Void = { _ in }) -> Entry {
        let content = Content(cut: .contentDefined, length: UInt64(text.utf8.count), body: .inline(Array(text.utf8)))
        return entry(name, .file(content), change)
    }

    /// A directory of these entries, in any order.
    func directory(_ entries: [Entry]) throws -> Digest {
        var builder = TreeBuilder { [session] in try session.store($0, $1) }
        for entry in entries.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) { try builder.append(entry) }
        return try builder.finish()
    }

    /// A manifest with this top directory, flushed, so that it can be read.
    func manifest(_ top: Digest, linkTable: [UInt8]? = nil) throws -> Digest {
        let root = Self.entry("", .directory(top))
        var manifest = Manifest(kind: .directory, root: try session.store(.tree, try RootNode.encode(root)))
        if let linkTable {
            var list = ListBuilder(cut: .contentDefined) { [session] in try session.store($0, $1) }
            for start in stride(from: 0, to: linkTable.count, by: 60_000) {
                let piece = Array(linkTable[start..<min(start + 60_000, linkTable.count)])
                try list.append(.data(try session.store(.chunk, piece), size: UInt32(piece.count)))
            }
            manifest.links = Manifest.Links(length: UInt64(linkTable.count), list: try list.finishList())
        }
        let digest = try session.store(.manifest, try manifest.encode())
        try session.flush()
        return digest
    }

    var load: SharedObjectLoader { oneAtATime { [session] in try session.read($0) } }

    /// A link table as bytes, unchecked.
    static func linkTable(_ groups: [[String]]) -> [UInt8] {
        var writer = ByteWriter()
        for group in groups {
            writer.varint(UInt64(group.count))
            for path in group { writer.lengthAndBytes(Array(path.utf8)) }
        }
        return writer.bytes
    }

    /// Directories within each other, the deepest with `bottom` in it.
    func nested(_ depth: Int, name: String, bottom: [Entry], _ change: (inout Metadata) -> Void = { _ in }) throws
        -> Digest
    {
        var digest = try directory(bottom)
        for _ in 0..<depth { digest = try directory([Self.entry(name, .directory(digest), change)]) }
        return digest
    }

    /// A directory that holds the one below it twice, and so on: 2^levels of `bottom`.
    func doubled(_ levels: Int, bottom: [Entry]) throws -> Digest {
        var digest = try directory(bottom)
        for _ in 0..<levels {
            digest = try directory([Self.entry("a", .directory(digest)), Self.entry("b", .directory(digest))])
        }
        return digest
    }

    /// A file of 1024^(levels + 1) segments like `segment`, made of one list node a level.
    func repeated(_ segment: (Int) throws -> Segment, levels: UInt8) throws -> Content {
        for variant in 1..<1000 {
            let segment = try segment(variant)
            if let content = try repeated(segment, levels: levels) { return content }
        }
        throw RestoreBench.Stopped()
    }

    /// Nil when a digest happens to end a node early.
    private func repeated(_ segment: Segment, levels: UInt8) throws -> Content? {
        var bytes = ListNode.segments(Array(repeating: segment, count: 1024)).encode()
        var size = segment.size * 1024
        for level in 0...levels {
            guard (try? ListNode.decode(bytes)) != nil else { return nil }
            let digest = try session.store(.list, bytes)
            if level == levels { return Content(cut: .contentDefined, length: size, body: .list(digest)) }
            let child = ListNode.Child(size: size, digest: digest)
            bytes = ListNode.children(level: level + 1, Array(repeating: child, count: 1024)).encode()
            size *= 1024
        }
        return nil
    }
}
