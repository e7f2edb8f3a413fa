import SnapDigest
import SnapModel
import TestSupport

/// A chunk list, built from `docs/format.md` section 4 alone.
struct NaiveList {
    struct Item {
        let bytes: [UInt8]
        let size: UInt64
        /// Of the digest; nil for zeros.
        let tail: UInt64?
    }

    let top: Digest
    let nodes: [Digest: [UInt8]]
    let levels: Int

    init(_ segments: [Segment]) throws {
        var items = segments.map(Self.item)
        var nodes: [Digest: [UInt8]] = [:]
        var level = 0
        while true {
            let groups = Self.split(items)
            let bytes = groups.map { Self.node(level: level, $0) }
            let digests = try bytes.map { try SHA256().digest($0) }
            for (digest, node) in zip(digests, bytes) { nodes[digest] = node }
            level += 1
            if digests.count == 1 {
                top = digests[0]
                break
            }
            items = zip(groups, digests).map { group, digest in
                Self.child(size: group.reduce(0) { $0 + $1.size }, digest)
            }
        }
        self.nodes = nodes
        levels = level
    }

    static func item(_ segment: Segment) -> Item {
        switch segment {
        case .data(let digest, let size):
            Item(bytes: Naive.varint(UInt64(size) * 2) + digest.bytes, size: UInt64(size), tail: digest.tail)
        case .zeros(let size): Item(bytes: Naive.varint(size * 2 + 1), size: size, tail: nil)
        }
    }

    static func child(size: UInt64, _ digest: Digest) -> Item {
        Item(bytes: Naive.varint(size) + digest.bytes, size: size, tail: digest.tail)
    }

    static func node(level: Int, _ items: [Item]) -> [UInt8] {
        Array("L".utf8) + [1, UInt8(level)] + Naive.varint(UInt64(items.count)) + items.flatMap(\.bytes)
    }

    static func split(_ items: [Item]) -> [[Item]] {
        var groups: [[Item]] = [[]]
        var isEnded = false
        for item in items {
            if isEnded { groups.append([]) }
            groups[groups.count - 1].append(item)
            let count = groups[groups.count - 1].count
            isEnded = count == 1024 || (count >= 64 && item.tail.map { $0 & 255 == 0 } ?? false)
        }
        return groups
    }
}
