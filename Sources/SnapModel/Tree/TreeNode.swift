package import SnapDigest

/// A node of an index: the last name below a child, and the child.
package struct TreeIndexItem: Hashable, Sendable {
    package let last: [UInt8]
    package let digest: Digest

    package init(last: [UInt8], digest: Digest) {
        self.last = last
        self.digest = digest
    }
}

/// A node of a directory (`docs/format.md` section 5).
package enum TreeNode: Hashable, Sendable {
    case entries([Entry])
    case index(level: UInt8, [TreeIndexItem])

    package var level: UInt8 {
        switch self {
        case .entries: 0
        case .index(let level, _): level
        }
    }

    package var count: Int {
        switch self {
        case .entries(let entries): entries.count
        case .index(_, let items): items.count
        }
    }

    /// The name that the item at `index` is split by.
    package func name(at index: Int) -> [UInt8] {
        switch self {
        case .entries(let entries): entries[index].name
        case .index(_, let items): items[index].last
        }
    }

    package static let header: [UInt8] = [UInt8(ascii: "T"), 1]

    package func encode() throws(FormatError) -> [UInt8] {
        var items: [UInt8] = []
        switch self {
        case .entries(let entries):
            for entry in entries { items += try entry.encoded() }
        case .index(_, let children):
            for child in children { items += child.encoded }
        }
        return Self.encode(level: level, count: count, items: items)
    }

    /// A node from the encodings of its items.
    static func encode(level: UInt8, count: Int, items: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.raw(header)
        writer.byte(level)
        writer.varint(UInt64(count))
        writer.raw(items)
        return writer.bytes
    }

    /// Decodes a node, and checks its order and that no item but the last ends it.
    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> TreeNode {
        try decodeSized(bytes).node
    }

    /// The node with the length of its items' encodings: whether a forced end was due is seen only with the next node.
    static func decodeSized(_ bytes: [UInt8]) throws(FormatError) -> (node: TreeNode, itemBytes: Int) {
        guard bytes.count <= Limits.treeNodeBytesMax else {
            throw FormatError(.limit, "A tree node of \(bytes.count) bytes is over the limit.")
        }
        var reader = ByteReader(bytes, "tree node")
        guard try reader.byte() == header[0], try reader.byte() == header[1] else {
            throw reader.error(.unknown, "does not begin as one")
        }
        let level = try reader.byte()
        guard level <= Limits.treeLevelMax else { throw reader.error(.range, "has the level \(level)") }
        let count = try reader.count(max: Limits.treeItemsMax, bytesEach: 8, "items")
        guard count >= 1 || level == 0 else { throw reader.error(.range, "has no items") }
        let start = reader.offset
        let node: TreeNode
        if level == 0 {
            var entries: [Entry] = []
            for _ in 0..<count { entries.append(try Entry.decode(from: &reader, isRoot: false)) }
            node = .entries(entries)
        } else {
            var items: [TreeIndexItem] = []
            for _ in 0..<count { items.append(try TreeIndexItem.decode(from: &reader)) }
            node = .index(level: level, items)
        }
        let itemBytes = reader.offset - start
        try reader.end()
        guard itemBytes <= Limits.treeItemBytesMax else { throw reader.error(.limit, "has items over 256 KiB") }
        try node.checkOrderAndEnds(reader)
        return (node, itemBytes)
    }

    private func checkOrderAndEnds(_ reader: ByteReader) throws(FormatError) {
        guard count > 1 else { return }
        var split = TreeSplit()
        for index in 1..<count {
            guard name(at: index - 1).lexicographicallyPrecedes(name(at: index)) else {
                throw reader.error(.order, "has names out of order")
            }
            guard try !split.endsNode(level: level, after: name(at: index - 1)) else {
                throw reader.error(.notCanonical, "goes on after its end")
            }
        }
    }
}

extension TreeIndexItem {
    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.lengthAndBytes(last)
        writer.digest(digest)
        return writer.bytes
    }

    static func decode(from reader: inout ByteReader) throws(FormatError) -> TreeIndexItem {
        let last = try reader.lengthAndBytes(in: 1...Limits.nameBytesMax, "name")
        guard EntryName.isValid(last) else { throw reader.error(.range, "has a name that cannot be one") }
        return TreeIndexItem(last: last, digest: try reader.digest())
    }
}

/// Where nodes of a tree end: where a name's own digest says so, so that one added file rewrites one segment.
struct TreeSplit {
    private var hasher: SHA256?

    /// Whether a node of `level` ends after the item with this name.
    mutating func endsNode(level: UInt8, after name: [UInt8]) throws(FormatError) -> Bool {
        let hasher: SHA256
        if let existing = self.hasher {
            hasher = existing
        } else {
            do { hasher = try SHA256() } catch { throw FormatError(.unknown, error.description) }
            self.hasher = hasher
        }
        return (hasher.digest(name).tail >> (7 * UInt64(level))) & 127 == 0
    }
}

/// A root: what was captured, usually a directory (`docs/format.md` section 5).
package enum RootNode {
    private static let header: [UInt8] = [UInt8(ascii: "R"), 1]

    /// - Parameter entry: Its name is left out.
    package static func encode(_ entry: Entry) throws(FormatError) -> [UInt8] {
        var nameless = entry
        nameless.name = []
        return try header + nameless.encoded()
    }

    package static func isRoot(_ bytes: [UInt8]) -> Bool { bytes.first == header[0] }

    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> Entry {
        guard bytes.count <= Limits.treeNodeBytesMax else {
            throw FormatError(.limit, "A root of \(bytes.count) bytes is over the limit.")
        }
        var reader = ByteReader(bytes, "root")
        guard try reader.byte() == header[0], try reader.byte() == header[1] else {
            throw reader.error(.unknown, "does not begin as one")
        }
        let entry = try Entry.decode(from: &reader, isRoot: true)
        try reader.end()
        return entry
    }
}
