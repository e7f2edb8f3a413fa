package import SnapCore
internal import SnapDigest
package import SnapModel

/// What each directory of a snapshot holds: the lengths of its files, and the bytes of the distinct chunks that they
/// are made of.
///
/// Distinct bytes are exact for every directory: a chunk counts once in each directory that has it anywhere below. It
/// is added where it is met, and taken away again from the nearest directory above both this place and the last one, so
/// that sums from the leaves up count it once. (The old way to count colours in the subtrees of a tree.)
///
/// Cost: one read a tree node. Memory: about 60 bytes a distinct chunk, and a row a directory that is shown.
package struct DirectoryUsage {
    package struct Row: Sendable, Hashable {
        /// From the root of the snapshot; empty for the root itself.
        package let path: [UInt8]
        /// Lengths of the files; names of one file count each.
        package fileprivate(set) var logicalBytes: UInt64 = 0
        /// Bytes of distinct chunks, zero segments left out.
        package fileprivate(set) var distinctBytes: UInt64 = 0
        package fileprivate(set) var fileCount: UInt64 = 0
        fileprivate let parent: Int?
    }

    private struct Frame {
        var cursor: TreeCursor
        let row: Int
        let depth: Int
        let pathCount: Int
    }

    /// More rows than this nobody reads.
    package static let rowsMax = 1 << 20

    private let load: ObjectLoader
    private let depthMax: Int
    private var rows: [Row] = []
    /// Rows of the directories that are open, upper ones first; their numbers rise.
    private var open: [Int] = []
    /// The row where a chunk was met last.
    private var lastRow: [Digest: Int] = [:]
    /// Directories and lists met below the row that is open: met again there they add no distinct byte.
    private var met: Set<Digest> = []
    private var sizes: TreeSize

    /// - Parameter depth: Levels of directories that have a row of their own; what is deeper counts with those above.
    package init(depth: Int, load: @escaping ObjectLoader) {
        depthMax = max(0, depth)
        self.load = load
        sizes = TreeSize(load: load)
    }

    /// The rows of `top` and the directories below it, the one with the most distinct bytes first: that of `top`.
    ///
    /// - Throws: ``StoreError/Code/invalid`` for more rows than ``rowsMax``.
    package mutating func run(_ top: Entry, path: [UInt8]) throws(StoreError) -> [Row] {
        try StoreError.mapped {
            try openRow(path)
            try walk(top, path: path)
        }
        for index in rows.indices.reversed() {
            guard let parent = rows[index].parent else { continue }
            rows[parent].logicalBytes = rows[parent].logicalBytes.addingSaturated(rows[index].logicalBytes)
            rows[parent].fileCount = rows[parent].fileCount.addingSaturated(rows[index].fileCount)
            // What was taken away is below zero on its own; the sum is not.
            rows[parent].distinctBytes &+= rows[index].distinctBytes
        }
        return rows.sorted { left, right in
            if left.distinctBytes != right.distinctBytes { return left.distinctBytes > right.distinctBytes }
            if left.logicalBytes != right.logicalBytes { return left.logicalBytes > right.logicalBytes }
            return left.path.lexicographicallyPrecedes(right.path)
        }
    }

    private mutating func openRow(_ path: [UInt8]) throws {
        guard rows.count < Self.rowsMax else {
            throw StoreError(
                .invalid, "There are more than \(Self.rowsMax) directories to show.", hint: "Give a smaller --depth.")
        }
        rows.append(Row(path: path, parent: open.last))
        open.append(rows.count - 1)
        met.removeAll(keepingCapacity: true)
    }

    private mutating func walk(_ top: Entry, path: [UInt8]) throws {
        guard case .directory(let digest) = top.node else { return try count(top, row: 0) }
        var path = path
        var stack = [
            Frame(cursor: try TreeCursor(root: digest, load: load), row: 0, depth: 0, pathCount: path.count)
        ]
        while let frame = stack.last {
            guard let entry = try stack[stack.count - 1].cursor.next() else {
                stack.removeLast()
                if stack.last?.row != frame.row {
                    open.removeLast()
                    met.removeAll(keepingCapacity: true)
                }
                continue
            }
            guard case .directory(let digest) = entry.node else {
                try count(entry, row: frame.row)
                continue
            }
            path.removeSubrange(frame.pathCount...)
            if !path.isEmpty { path.append(47) }
            path += entry.name
            let isShown = frame.depth < depthMax
            if isShown {
                try openRow(path)
            } else if !met.insert(digest).inserted {
                try countAgain(entry, row: frame.row)
                continue
            }
            stack.append(
                Frame(
                    cursor: try TreeCursor(root: digest, load: load), row: isShown ? rows.count - 1 : frame.row,
                    depth: frame.depth + 1, pathCount: path.count))
        }
    }

    /// A directory with the same digest as one that was counted in the row: nothing in it is new there.
    private mutating func countAgain(_ entry: Entry, row: Int) throws {
        let sum = try sizes.of(entry)
        rows[row].logicalBytes = rows[row].logicalBytes.addingSaturated(sum.logicalBytes)
        rows[row].fileCount = rows[row].fileCount.addingSaturated(sum.files)
    }

    private mutating func count(_ entry: Entry, row: Int) throws {
        guard case .file(let content) = entry.node else { return }
        rows[row].logicalBytes = rows[row].logicalBytes.addingSaturated(content.length)
        rows[row].fileCount = rows[row].fileCount.addingSaturated(1)
        switch content.body {
        case .inline(let bytes): rows[row].distinctBytes &+= UInt64(bytes.count)
        case .segments(let segments): for segment in segments { add(segment, row: row) }
        case .list(let root):
            guard met.insert(root).inserted else { return }
            var cursor = try SegmentCursor(content, load: load)
            while let segment = try cursor.next() { add(segment, row: row) }
        }
    }

    private mutating func add(_ segment: Segment, row: Int) {
        guard case .data(let digest, let size) = segment else { return }
        if let last = lastRow.updateValue(row, forKey: digest) {
            // The root's row is 0 and always open.
            let common = open.last { $0 <= last } ?? 0
            rows[common].distinctBytes &-= UInt64(size)
        }
        rows[row].distinctBytes &+= UInt64(size)
    }
}
