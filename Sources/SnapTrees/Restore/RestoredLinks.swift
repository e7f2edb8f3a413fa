internal import SnapDigest
internal import SnapModel

/// The hard-link groups of a snapshot while it is written out: the first name of a group that is met gets the content,
/// the others are linked to it.
///
/// Memory: the paths of the link table, and about 20 bytes for each and 64 for each group.
struct RestoredLinks {
    private struct Group {
        /// Number of the first of its paths, and how many there are.
        let start: Int
        let count: Int
        /// Names not met yet.
        var left: Int
        /// The name to link to, once one is met, and the digest of its entry without the name.
        var first: Int?
        var version: Digest?
    }

    private var paths = PathTable()
    /// By the number of the path.
    private var groupOfPath: [UInt32] = []
    private var groups: [Group] = []
    /// Length of the longest path: what is longer need not be looked for.
    private var longest = 0
    private let hasher: SHA256

    /// Reads the table. Only names below `subtree` count, without that prefix.
    init(_ links: Manifest.Links?, below subtree: [UInt8], load: @escaping ObjectLoader) throws {
        hasher = try SHA256()
        var table = try LinkTableCursor(links, load: load)
        while let group = try table.next() { try add(group, below: subtree) }
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
        let start = paths.count
        guard let number = UInt32(exactly: groups.count) else {
            throw FormatError(.limit, "There are more groups of hard links than can be kept.")
        }
        for path in members {
            longest = max(longest, path.count)
            guard try paths.insert(path) != nil else {
                throw FormatError(.order, "The link table names \(shown(path)) twice.")
            }
            groupOfPath.append(number)
        }
        groups.append(Group(start: start, count: members.count, left: members.count))
    }

    /// One path of each group, with how many names more it has.
    var samples: some Sequence<(path: [UInt8], others: UInt64)> {
        groups.lazy.map { (paths[$0.start], UInt64($0.count - 1)) }
    }

    /// Takes note of a name. Returns the path to link to, if one of its group has been met.
    ///
    /// - Throws: ``FormatError`` when the group's entries differ, or one is a directory.
    mutating func meet(_ path: [UInt8], _ entry: Entry) throws(FormatError) -> [UInt8]? {
        guard let (number, group) = find(path) else { return nil }
        groups[group].left -= 1
        if case .directory = entry.node {
            throw FormatError(.range, "The link table names the directory \(shown(path)).")
        }
        let version = try version(of: entry)
        guard let first = groups[group].first else {
            groups[group].first = number
            groups[group].version = version
            return nil
        }
        guard groups[group].version == version else {
            throw FormatError(
                .range, "The hard links \(shown(paths[first])) and \(shown(path)) are not the same in the snapshot."
            )
        }
        return paths[first]
    }

    /// The name could not be linked and became a file of its own: the next ones are linked to it.
    mutating func start(anewWith path: [UInt8]) {
        guard let (number, group) = find(path) else { return }
        groups[group].first = number
    }

    /// Whether the path is one of several names of a file.
    func hasGroup(_ path: [UInt8]) -> Bool { find(path) != nil }

    private func find(_ path: [UInt8]) -> (number: Int, group: Int)? {
        guard path.count <= longest, let number = paths.number(of: path) else { return nil }
        return (number, Int(groupOfPath[number]))
    }

    private func version(of entry: Entry) throws(FormatError) -> Digest {
        var nameless = entry
        nameless.name = []
        return hasher.digest(try RootNode.encode(nameless))
    }

    /// Every name must have been met.
    func end() throws(FormatError) {
        guard groups.allSatisfy({ $0.left == 0 }) else {
            throw FormatError(.range, "The link table names paths that the snapshot does not have.")
        }
    }
}
