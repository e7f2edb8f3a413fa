package import SnapDigest

/// Turns the entries of one directory, given in name order, into tree nodes, handed out as they are full.
///
/// Memory is bounded by one node a level: a directory of any size costs the same.
package struct TreeBuilder {
    /// The node being filled on one level. It is handed out when the next item comes, so that a level exists only
    /// where the one below has two nodes.
    private struct Level {
        var items: [UInt8] = []
        var count = 0
        var last: [UInt8] = []
        /// The split rule ended the node: the next item begins another.
        var hasEnded = false
    }

    private let emit: (ObjectKind, [UInt8]) throws -> Digest
    private var levels = [Level()]
    private var split = TreeSplit()

    /// - Parameter emit: Stores a node and returns its digest.
    package init(emit: @escaping (ObjectKind, [UInt8]) throws -> Digest) {
        self.emit = emit
    }

    /// Adds the next entry.
    ///
    /// - Throws: ``FormatError/Code/order`` when its name does not follow the last one, or what `emit` throws.
    package mutating func append(_ entry: Entry) throws {
        guard EntryName.isValid(entry.name) else {
            throw FormatError(.range, "The name \(escaped(entry.name)) cannot be stored.")
        }
        guard levels[0].count == 0 || levels[0].last.lexicographicallyPrecedes(entry.name) else {
            throw FormatError(.order, "The name \(escaped(entry.name)) comes after \(escaped(levels[0].last)).")
        }
        try append(entry.encoded(), name: entry.name, level: 0)
    }

    private mutating func append(_ item: [UInt8], name: [UInt8], level: Int) throws {
        guard let number = UInt8(exactly: level), number <= Limits.treeLevelMax else {
            throw FormatError(.limit, "A directory has more entries than a tree can hold.")
        }
        if levels.count == level { levels.append(Level()) }
        if levels[level].hasEnded || levels[level].items.count + item.count > Limits.treeItemBytesMax {
            let node = try close(level)
            try append(node.encoded, name: node.last, level: level + 1)
        }
        levels[level].items += item
        levels[level].count += 1
        levels[level].last = name
        levels[level].hasEnded =
            try levels[level].count == Limits.treeItemsMax || split.endsNode(level: number, after: name)
    }

    /// Hands out the node of a level.
    private mutating func close(_ level: Int) throws -> TreeIndexItem {
        let done = levels[level]
        let bytes = TreeNode.encode(level: UInt8(truncatingIfNeeded: level), count: done.count, items: done.items)
        levels[level].items.removeAll(keepingCapacity: true)
        levels[level].count = 0
        levels[level].hasEnded = false
        return TreeIndexItem(last: done.last, digest: try emit(.tree, bytes))
    }

    /// The top node of everything appended.
    package mutating func finish() throws -> Digest {
        var level = 0
        while true {
            let node = try close(level)
            level += 1
            if level == levels.count { return node.digest }
            try append(node.encoded, name: node.last, level: level)
        }
    }
}
