import SnapDigest
import SnapModel
import TestSupport

/// The tree of a directory, built from `docs/format.md` section 5 alone: whole levels at a time, all in memory.
struct NaiveTree {
    struct Item {
        let name: [UInt8]
        let bytes: [UInt8]
    }

    let top: Digest
    /// Distinct nodes by digest.
    let nodes: [Digest: [UInt8]]

    init(_ entries: [Entry]) throws {
        var items = try entries.map { Item(name: $0.name, bytes: try $0.encoded()) }
        var nodes: [Digest: [UInt8]] = [:]
        var level = 0
        while true {
            let groups = try Self.split(items, level: level)
            let bytes = groups.map { Self.node(level: level, $0) }
            let digests = try bytes.map { try SHA256().digest($0) }
            for (digest, node) in zip(digests, bytes) { nodes[digest] = node }
            if digests.count == 1 {
                top = digests[0]
                break
            }
            items = zip(groups, digests).map { Self.indexItem(last: $0.last?.name ?? [], $1) }
            level += 1
        }
        self.nodes = nodes
    }

    static func indexItem(last: [UInt8], _ digest: Digest) -> Item {
        Item(name: last, bytes: Naive.string(last) + digest.bytes)
    }

    static func node(level: Int, _ items: [Item]) -> [UInt8] {
        Array("T".utf8) + [1, UInt8(level)] + Naive.varint(UInt64(items.count)) + items.flatMap(\.bytes)
    }

    static func split(_ items: [Item], level: Int) throws -> [[Item]] {
        let hasher = try SHA256()
        var groups: [[Item]] = [[]]
        var bytes = 0
        var isEnded = false
        for item in items {
            if isEnded || bytes + item.bytes.count > 262_144 {
                groups.append([])
                bytes = 0
            }
            groups[groups.count - 1].append(item)
            bytes += item.bytes.count
            let tail = hasher.digest(item.name).tail
            isEnded = (tail >> (7 * UInt64(level))) & 127 == 0 || groups[groups.count - 1].count == 512
        }
        return groups
    }
}
