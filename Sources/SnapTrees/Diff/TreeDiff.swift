internal import SnapDigest
package import SnapModel

/// Compares two trees by walking them side by side; directories with the same digest are equal and are not read.
///
/// Cost: the nodes of directories that differ. Memory: one node a level and side.
package struct TreeDiff {
    private struct Side {
        var cursor: TreeCursor?
        var next: Entry?

        mutating func advance() throws {
            next = try cursor?.next()
        }
    }

    private struct Frame {
        var old: Side
        var new: Side
        /// How much of the path leads here.
        let pathCount: Int
    }

    private let loadOld: ObjectLoader
    private let loadNew: ObjectLoader
    private let ignoringTimes: Bool

    /// - Parameter ignoringTimes: Times are not looked at; directories that differ in nothing else are still read.
    package init(old: @escaping ObjectLoader, new: @escaping ObjectLoader, ignoringTimes: Bool = false) {
        loadOld = old
        loadNew = new
        self.ignoringTimes = ignoringTimes
    }

    /// Calls `report` with each path that differs, in the order of a walk.
    ///
    /// A content that was cut otherwise counts as different; snapstore cuts equal bytes alike.
    package func run(old: Entry, new: Entry, report: (TreeChange) throws -> Void) throws {
        try compare(old, new, path: [], report)
        var stack: [Frame] = []
        // One for all levels: it may be megabytes long.
        var path: [UInt8] = []
        try descend(old, new, path: path, &stack)
        while !stack.isEmpty {
            let depth = stack.count - 1
            let (left, right) = (stack[depth].old.next, stack[depth].new.next)
            guard left != nil || right != nil else {
                stack.removeLast()
                continue
            }
            let order = Self.order(left, right)
            let name = (order <= 0 ? left : right)?.name ?? []
            path.removeSubrange(stack[depth].pathCount...)
            if !path.isEmpty { path.append(47) }
            path += name
            if order <= 0 { try stack[depth].old.advance() }
            if order >= 0 { try stack[depth].new.advance() }
            try step(order <= 0 ? left : nil, order >= 0 ? right : nil, path, &stack, report)
        }
    }

    /// Which of two sides comes first: below zero the left one.
    private static func order(_ left: Entry?, _ right: Entry?) -> Int {
        guard let left else { return 1 }
        guard let right else { return -1 }
        if left.name == right.name { return 0 }
        return left.name.lexicographicallyPrecedes(right.name) ? -1 : 1
    }

    private func step(
        _ left: Entry?, _ right: Entry?, _ path: [UInt8], _ stack: inout [Frame],
        _ report: (TreeChange) throws -> Void
    ) throws {
        if let left, let right {
            try compare(left, right, path: path, report)
            try descend(left, right, path: path, &stack)
        } else if let left {
            try report(TreeChange(kind: .removed, path: path, aspects: [], entry: left))
            try descend(left, nil, path: path, &stack)
        } else if let right {
            try report(TreeChange(kind: .added, path: path, aspects: [], entry: right))
            try descend(nil, right, path: path, &stack)
        }
    }

    private func compare(_ left: Entry, _ right: Entry, path: [UInt8], _ report: (TreeChange) throws -> Void) throws {
        let aspects = right.aspects(differingFrom: left, ignoringTimes: ignoringTimes)
        guard !aspects.isEmpty else { return }
        try report(TreeChange(kind: .changed, path: path, aspects: aspects, entry: right))
    }

    /// Opens what is below two entries, unless it is the same.
    private func descend(_ left: Entry?, _ right: Entry?, path: [UInt8], _ stack: inout [Frame]) throws {
        let (old, new) = (left?.directory, right?.directory)
        guard old != new else { return }
        var frame = Frame(
            old: Side(cursor: try old.map { try TreeCursor(root: $0, load: loadOld) }),
            new: Side(cursor: try new.map { try TreeCursor(root: $0, load: loadNew) }), pathCount: path.count)
        try frame.old.advance()
        try frame.new.advance()
        stack.append(frame)
    }
}

extension Entry {
    /// The top node, if it is a directory.
    var directory: Digest? {
        if case .directory(let digest) = node { digest } else { nil }
    }
}
