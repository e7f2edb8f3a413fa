package import SnapDigest

/// Turns the segments of one file into its ``Content``, handing out list nodes as they are full.
///
/// Memory is bounded by one node a level. Up to 16 segments need no node.
package struct ListBuilder {
    package typealias Emit = (ObjectKind, [UInt8]) throws -> Digest

    /// The node being filled on one level of children. It is handed out when the next child comes, so that a level
    /// exists only where the one below has two nodes.
    private struct Level {
        var children: [ListNode.Child] = []
        var hasEnded = false
    }

    private let cut: Cut
    private let emit: Emit
    private var segments: [Segment] = []
    private var segmentsHaveEnded = false
    /// Level 1 of the format first.
    private var levels: [Level] = []
    private var length: UInt64 = 0

    /// - Parameter emit: Stores a node and returns its digest.
    package init(cut: Cut, emit: @escaping Emit) {
        self.cut = cut
        self.emit = emit
    }

    package mutating func append(_ segment: Segment) throws {
        guard segment.isValid else { throw FormatError(.limit, "A segment of \(segment.size) bytes cannot be stored.") }
        let (sum, overflow) = length.addingReportingOverflow(segment.size)
        guard !overflow, sum <= Limits.fileBytesMax else {
            throw FormatError(.limit, "A file is longer than 2^60 bytes.")
        }
        length = sum
        if segmentsHaveEnded { try append(try closeSegments(), level: 0) }
        segments.append(segment)
        segmentsHaveEnded = ListSplit.ends(after: segments.count, digest: segment.digest)
    }

    private mutating func append(_ child: ListNode.Child, level: Int) throws {
        if levels.count == level { levels.append(Level()) }
        if levels[level].hasEnded { try append(try close(level), level: level + 1) }
        levels[level].children.append(child)
        levels[level].hasEnded = ListSplit.ends(after: levels[level].children.count, digest: child.digest)
    }

    private mutating func closeSegments() throws -> ListNode.Child {
        let node = ListNode.segments(segments)
        segments.removeAll(keepingCapacity: true)
        segmentsHaveEnded = false
        return ListNode.Child(size: node.size, digest: try emit(.list, node.encode()))
    }

    private mutating func close(_ level: Int) throws -> ListNode.Child {
        guard let number = UInt8(exactly: level + 1), number <= Limits.listLevelMax else {
            throw FormatError(.limit, "A file has more chunks than a chunk list can hold.")
        }
        let node = ListNode.children(level: number, levels[level].children)
        levels[level] = Level()
        return ListNode.Child(size: node.size, digest: try emit(.list, node.encode()))
    }

    /// The content of everything appended, which must be over 64 bytes long: shorter content is inline.
    package mutating func finish() throws -> Content {
        guard !levels.isEmpty || segments.count > Limits.directSegmentsMax else {
            return Content(cut: cut, length: length, body: .segments(segments))
        }
        return Content(cut: cut, length: length, body: .list(try finishList()))
    }

    /// The top node of everything appended, also when it is short: for the link table. At least one segment.
    package mutating func finishList() throws -> Digest {
        guard !segments.isEmpty else { throw FormatError(.range, "A chunk list of nothing cannot be made.") }
        var node = try closeSegments()
        var level = 0
        while level < levels.count {
            try append(node, level: level)
            node = try close(level)
            level += 1
        }
        return node.digest
    }
}
