internal import SnapModel

/// The hard-link groups of a snapshot while it is written out: the first name of a group that is met gets the content,
/// the others are linked to it.
///
/// Memory: the paths of the link table, about 100 bytes each.
struct RestoredLinks {
    private struct Group {
        let count: Int
        /// Names not met yet.
        var left: Int
        /// What was met first: its path and entry.
        var first: (path: [UInt8], entry: Entry)?
    }

    private var groups: [Group] = []
    private var groupOfPath: [[UInt8]: Int] = [:]
    /// Length of the longest path: what is longer need not be looked for.
    private var longest = 0

    /// Reads the table. Only names below `subtree` count, without that prefix.
    init(_ links: Manifest.Links?, below subtree: [UInt8], load: @escaping ObjectLoader) throws {
        guard let links else { return }
        var cursor = try SegmentCursor(list: links.list, length: links.length, load: load)
        var reader = LinkTableReader()
        while let segment = try cursor.next() {
            switch segment {
            case .data(let digest, _): reader.append(try load(ObjectKey(.chunk, digest)))
            case .zeros: throw FormatError(.range, "A link table holds a hole.")
            }
            while let group = try reader.next() { try add(group, below: subtree) }
        }
        try reader.end()
    }

    private mutating func add(_ group: LinkGroup, below subtree: [UInt8]) throws {
        var members: [[UInt8]] = []
        for path in group.paths {
            if subtree.isEmpty {
                members.append(path)
            } else if path.starts(with: subtree), path.count > subtree.count + 1, path[subtree.count] == 47 {
                members.append(Array(path[(subtree.count + 1)...]))
            }
        }
        guard members.count >= 2 else { return }
        for path in members {
            longest = max(longest, path.count)
            guard groupOfPath.updateValue(groups.count, forKey: path) == nil else {
                throw FormatError(.order, "The link table names \(escaped(path)) twice.")
            }
        }
        groups.append(Group(count: members.count, left: members.count, first: nil))
    }

    /// One path of each group, with how many names more it has.
    var samples: [(path: [UInt8], others: UInt64)] {
        var path: [Int: [UInt8]] = [:]
        for (member, number) in groupOfPath { path[number] = member }
        return path.map { ($0.value, UInt64(groups[$0.key].count - 1)) }
    }

    /// Takes note of a name. Returns the path to link to, if one of its group has been met.
    ///
    /// - Throws: ``FormatError`` when the group's entries differ, or one is a directory.
    mutating func meet(_ path: [UInt8], _ entry: Entry) throws(FormatError) -> [UInt8]? {
        guard path.count <= longest, let number = groupOfPath[path] else { return nil }
        groups[number].left -= 1
        if case .directory = entry.node {
            throw FormatError(.range, "The link table names the directory \(escaped(path)).")
        }
        guard let first = groups[number].first else {
            groups[number].first = (path, entry)
            return nil
        }
        guard first.entry.metadata == entry.metadata, first.entry.node == entry.node else {
            throw FormatError(
                .range, "The hard links \(escaped(first.path)) and \(escaped(path)) are not the same in the snapshot.")
        }
        return first.path
    }

    /// The name could not be linked and became a file of its own: the next ones are linked to it.
    mutating func start(anewWith path: [UInt8], _ entry: Entry) {
        guard let number = groupOfPath[path] else { return }
        groups[number].first = (path, entry)
    }

    /// Every name must have been met.
    func end() throws(FormatError) {
        guard groups.allSatisfy({ $0.left == 0 }) else {
            throw FormatError(.range, "The link table names paths that the snapshot does not have.")
        }
    }
}
