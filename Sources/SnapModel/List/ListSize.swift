internal import SnapDigest

/// What the segments of chunk lists add up to, each distinct node read once: a few nodes can stand for 2^60 segments.
struct ListSize {
    struct Sum {
        /// Bytes of data, zero segments left out.
        var bytes: UInt64 = 0
        var chunks: UInt64 = 0
        /// Zero segments.
        var holes: UInt64 = 0

        mutating func add(_ segment: Segment) {
            switch segment {
            case .data(_, let size): add(Sum(bytes: UInt64(size), chunks: 1))
            case .zeros: add(Sum(holes: 1))
            }
        }

        mutating func add(_ other: Sum) {
            bytes = bytes.addingSaturated(other.bytes)
            chunks = chunks.addingSaturated(other.chunks)
            holes = holes.addingSaturated(other.holes)
        }
    }

    /// The last node of a level may end where no rule ends it, so the same node may be right here and wrong there.
    private struct Place: Hashable {
        let digest: Digest
        let isLast: Bool
    }

    private struct Known {
        let level: UInt8
        let size: UInt64
        let sum: Sum
    }

    let load: ObjectLoader
    private var known: [Place: Known] = [:]

    init(load: @escaping ObjectLoader) {
        self.load = load
    }

    /// The sum of a content of more than 16 segments.
    ///
    /// - Throws: ``FormatError`` for a list that ``SegmentCursor`` would refuse.
    mutating func of(_ root: Digest, length: UInt64) throws -> Sum {
        // The cursor checks what only the top node can be wrong in.
        _ = try SegmentCursor(Content(cut: .contentDefined, length: length, body: .list(root)), load: load)
        return try node(root, size: length, level: nil, isLast: true)
    }

    /// Recursive, at most eight levels deep: a node's level is checked before its children are looked at.
    private mutating func node(_ digest: Digest, size: UInt64, level: UInt8?, isLast: Bool) throws -> Sum {
        let place = Place(digest: digest, isLast: isLast)
        let found: Known
        if let before = known[place] {
            found = before
        } else {
            found = try read(place, level: level)
            known[place] = found
        }
        try Self.check(found.level, against: level)
        guard found.size == size else {
            throw FormatError(.range, "The sizes in a chunk list do not add up to those above them.")
        }
        return found.sum
    }

    private static func check(_ level: UInt8, against expected: UInt8?) throws(FormatError) {
        guard let expected, level != expected else { return }
        throw FormatError(.range, "A chunk list has a node of level \(level) under level \(expected + 1).")
    }

    private mutating func read(_ place: Place, level: UInt8?) throws -> Known {
        let node = try ListNode.decode(load(ObjectKey(.list, place.digest)))
        try Self.check(node.level, against: level)
        guard place.isLast || node.endsNode(at: node.count - 1) else {
            throw FormatError(.notCanonical, "A node of a chunk list ends too early.")
        }
        var sum = Sum()
        switch node {
        case .segments(let segments): for segment in segments { sum.add(segment) }
        case .children(let level, let children):
            for (index, child) in children.enumerated() {
                let isLast = place.isLast && index == children.count - 1
                sum.add(try self.node(child.digest, size: child.size, level: level - 1, isLast: isLast))
            }
        }
        return Known(level: node.level, size: node.size, sum: sum)
    }
}

extension UInt64 {
    package func addingSaturated(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    package func multipliedSaturated(by other: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }

    package func subtractingSaturated(_ other: UInt64) -> UInt64 { self > other ? self - other : 0 }
}
