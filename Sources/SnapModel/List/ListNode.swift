package import SnapDigest

/// A node of a chunk list (`docs/format.md` section 4).
package enum ListNode: Hashable, Sendable {
    /// A child node and the content bytes below it.
    package struct Child: Hashable, Sendable {
        package let size: UInt64
        package let digest: Digest

        package init(size: UInt64, digest: Digest) {
            self.size = size
            self.digest = digest
        }
    }

    case segments([Segment])
    case children(level: UInt8, [Child])

    package var level: UInt8 {
        switch self {
        case .segments: 0
        case .children(let level, _): level
        }
    }

    package func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.byte(UInt8(ascii: "L"))
        writer.byte(1)
        writer.byte(level)
        switch self {
        case .segments(let segments):
            writer.varint(UInt64(segments.count))
            for segment in segments { segment.encode(to: &writer) }
        case .children(_, let children):
            writer.varint(UInt64(children.count))
            for child in children {
                writer.varint(child.size)
                writer.digest(child.digest)
            }
        }
        return writer.bytes
    }

    /// Decodes a node and checks its splits: that no item but the last ends a node.
    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> ListNode {
        guard bytes.count <= Limits.listNodeBytesMax else {
            throw FormatError(.limit, "A chunk list node of \(bytes.count) bytes is over the limit.")
        }
        var reader = ByteReader(bytes, "chunk list node")
        guard try reader.byte() == UInt8(ascii: "L"), try reader.byte() == 1 else {
            throw reader.error(.unknown, "does not begin as one")
        }
        let level = try reader.byte()
        guard level <= Limits.listLevelMax else { throw reader.error(.range, "has the level \(level)") }
        let count = try reader.count(max: Limits.listItemsMax, bytesEach: 1, "items")
        guard count >= 1 else { throw reader.error(.range, "has no items") }
        let node: ListNode
        if level == 0 {
            var segments: [Segment] = []
            for _ in 0..<count { segments.append(try Segment.decode(from: &reader)) }
            node = .segments(segments)
        } else {
            var children: [Child] = []
            for _ in 0..<count {
                let size = try reader.varint(max: Limits.fileBytesMax, "a child of size")
                guard size >= 1 else { throw reader.error(.range, "has a child of no bytes") }
                children.append(Child(size: size, digest: try reader.digest()))
            }
            node = .children(level: level, children)
        }
        try reader.end()
        for index in 0..<(count - 1) where node.endsNode(at: index) {
            throw reader.error(.notCanonical, "goes on after its end")
        }
        return node
    }

    package var count: Int {
        switch self {
        case .segments(let segments): segments.count
        case .children(_, let children): children.count
        }
    }

    /// Whether the split rule ends the node after the item at `index`.
    package func endsNode(at index: Int) -> Bool {
        switch self {
        case .segments(let segments): ListSplit.ends(after: index + 1, digest: segments[index].digest)
        case .children(_, let children): ListSplit.ends(after: index + 1, digest: children[index].digest)
        }
    }
}

extension Segment {
    /// The digest of a chunk; zeros have none.
    package var digest: Digest? {
        switch self {
        case .data(let digest, _): digest
        case .zeros: nil
        }
    }
}

/// Where nodes of a chunk list end: where a digest says so, so that an insertion moves few ends.
enum ListSplit {
    static func ends(after count: Int, digest: Digest?) -> Bool {
        if count >= Limits.listItemsMax { return true }
        guard let digest, count >= Limits.listItemsMin else { return false }
        return digest.tail & 255 == 0
    }
}
