package import SnapDigest

/// Loads the bytes of an object; the caller has checked them against the digest.
package typealias ObjectLoader = (ObjectKey) throws -> [UInt8]

/// As ``ObjectLoader``, for several threads at once.
package typealias SharedObjectLoader = @Sendable (ObjectKey) throws -> [UInt8]

/// Walks the segments of a content in order, checking levels, splits and sizes.
///
/// Memory is bounded by one node a level.
package struct SegmentCursor {
    private struct Frame {
        let node: ListNode
        var next: Int
        /// Whether the node is the last of its level: only that may end where no rule ends it.
        let isLast: Bool
    }

    private let load: ObjectLoader
    private var direct: [Segment] = []
    private var nextDirect = 0
    private var stack: [Frame] = []
    private var left: UInt64

    /// The segments of a content that is not inline. An inline one has none here.
    package init(_ content: Content, load: @escaping ObjectLoader) throws {
        self.load = load
        left = content.length
        switch content.body {
        case .inline: left = 0
        case .segments(let segments): direct = segments
        case .list(let root): try push(root, size: content.length, level: nil, isLast: true, isDirectAllowed: false)
        }
    }

    /// The segments below the top node of a list, however few: the link table's.
    package init(list root: Digest, length: UInt64, load: @escaping ObjectLoader) throws {
        self.load = load
        left = length
        try push(root, size: length, level: nil, isLast: true, isDirectAllowed: true)
    }

    package mutating func next() throws -> Segment? {
        if nextDirect < direct.count {
            defer { nextDirect += 1 }
            return direct[nextDirect]
        }
        while let top = stack.last {
            guard top.next < top.node.count else {
                stack.removeLast()
                continue
            }
            stack[stack.count - 1].next += 1
            switch top.node {
            case .segments(let segments):
                let segment = segments[top.next]
                guard segment.size <= left else { throw Self.wrongSize }
                left -= segment.size
                return segment
            case .children(let level, let children):
                let child = children[top.next]
                let isLast = top.isLast && top.next == children.count - 1
                try push(child.digest, size: child.size, level: level - 1, isLast: isLast, isDirectAllowed: false)
            }
        }
        guard left == 0 || !direct.isEmpty else { throw Self.wrongSize }
        return nil
    }

    private mutating func push(
        _ digest: Digest, size: UInt64, level: UInt8?, isLast: Bool, isDirectAllowed: Bool
    ) throws {
        let node = try ListNode.decode(load(ObjectKey(.list, digest)))
        if let level {
            guard node.level == level else {
                throw FormatError(.range, "A chunk list has a node of level \(node.level) under level \(level + 1).")
            }
        } else if node.level == 0 {
            guard isDirectAllowed || node.count > Limits.directSegmentsMax else {
                throw FormatError(.notCanonical, "A content of \(node.count) segments has a chunk list.")
            }
        } else if node.count == 1 {
            throw FormatError(.notCanonical, "The top node of a chunk list has one child.")
        }
        guard isLast || node.endsNode(at: node.count - 1) else {
            throw FormatError(.notCanonical, "A node of a chunk list ends too early.")
        }
        guard node.size == size else { throw Self.wrongSize }
        stack.append(Frame(node: node, next: 0, isLast: isLast))
    }

    private static var wrongSize: FormatError {
        FormatError(.range, "The sizes in a chunk list do not add up to those above them.")
    }
}

extension ListNode {
    /// Content bytes below the node. At most 1,024 items of at most 2^60 bytes: 2^70 would overflow, so it saturates.
    package var size: UInt64 {
        func sum(_ sizes: some Sequence<UInt64>) -> UInt64 {
            sizes.reduce(0) { total, size in
                let (sum, overflow) = total.addingReportingOverflow(size)
                return overflow ? .max : sum
            }
        }
        switch self {
        case .segments(let segments): return sum(segments.lazy.map(\.size))
        case .children(_, let children): return sum(children.lazy.map(\.size))
        }
    }
}
