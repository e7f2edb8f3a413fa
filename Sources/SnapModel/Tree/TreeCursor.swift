package import SnapDigest

/// Walks the entries of a directory in order, checking order, levels and splits across its nodes.
///
/// Memory is bounded by one node a level; nothing recurses.
package struct TreeCursor {
    private struct Frame {
        let node: TreeNode
        var next: Int
        /// Whether the node is the last of its level: only that may end where no rule ends it.
        let isLast: Bool
    }

    private let load: ObjectLoader
    private var stack: [Frame] = []
    private var split = TreeSplit()
    /// By level: the last name seen, and the items' bytes of a node that had to end before the next item.
    private var lastName: [UInt8]?
    private var forced: [UInt8: Int] = [:]

    /// Begins at the first entry. Reads the first nodes.
    package init(root: Digest, load: @escaping ObjectLoader) throws {
        self.load = load
        try push(root, level: nil, last: nil, isLast: true)
    }

    /// The next entry; nil after the last.
    package mutating func next() throws -> Entry? {
        while let top = stack.last {
            guard top.next < top.node.count else {
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            switch top.node {
            case .entries(let entries):
                let entry = entries[top.next]
                if let lastName, !lastName.lexicographicallyPrecedes(entry.name) {
                    throw FormatError(.order, "A directory has the name \(escaped(entry.name)) out of order.")
                }
                lastName = entry.name
                return entry
            case .index(let level, let items):
                let item = items[top.next]
                let isLast = top.isLast && top.next == items.count - 1
                try push(item.digest, level: level - 1, last: item.last, isLast: isLast)
            }
        }
        return nil
    }

    private mutating func push(_ digest: Digest, level: UInt8?, last: [UInt8]?, isLast: Bool) throws {
        let (node, itemBytes) = try TreeNode.decodeSized(load(ObjectKey(.tree, digest)))
        if let level {
            guard node.level == level else {
                throw FormatError(.range, "A tree has a node of level \(node.level) under level \(level + 1).")
            }
            guard node.count > 0, node.name(at: node.count - 1) == last else {
                throw FormatError(.range, "A tree's index does not say the last name of its node.")
            }
        } else if node.level > 0, node.count == 1 {
            throw FormatError(.notCanonical, "The top node of a tree has one child.")
        }
        try checkEnds(node, itemBytes: itemBytes, isLast: isLast)
        stack.append(Frame(node: node, next: 0, isLast: isLast))
    }

    /// A node that is not the last ends by the rule, or because its next item would not have fitted; the latter is
    /// seen when the next node comes.
    private mutating func checkEnds(_ node: TreeNode, itemBytes: Int, isLast: Bool) throws {
        if let full = forced.removeValue(forKey: node.level) {
            let first: Int
            switch node {
            case .entries(let entries): first = try entries[0].encoded().count
            case .index(_, let items): first = items[0].encoded.count
            }
            guard full + first > Limits.treeItemBytesMax else {
                throw FormatError(.notCanonical, "A node of a tree ends too early.")
            }
        }
        guard !isLast else { return }
        let ends =
            try node.count == Limits.treeItemsMax
            || split.endsNode(level: node.level, after: node.name(at: node.count - 1))
        if !ends { forced[node.level] = itemBytes }
    }
}

/// The entry with this name, if the directory has it.
///
/// - Complexity: Reads one node a level. Only what is read is checked.
package func lookUp(
    name: [UInt8], inTree root: Digest, load: ObjectLoader
) throws -> Entry? {
    var digest = root
    for _ in 0...Limits.treeLevelMax {
        switch try TreeNode.decode(load(ObjectKey(.tree, digest))) {
        case .entries(let entries):
            return entries.first { $0.name == name }
        case .index(_, let items):
            guard let item = items.first(where: { !$0.last.lexicographicallyPrecedes(name) }) else { return nil }
            digest = item.digest
        }
    }
    throw FormatError(.range, "A tree has too many levels.")
}
