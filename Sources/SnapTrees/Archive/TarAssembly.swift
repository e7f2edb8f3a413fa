internal import SnapCore
internal import SnapDigest
internal import SnapModel

/// Makes the tree of an archive from its sorted entries.
///
/// Memory: a node of the tree for each directory on the way down.
struct TarAssembly {
    private struct Level {
        let name: [UInt8]
        let metadata: Metadata
        var builder: TreeBuilder
        /// Length of the key of the directory above.
        let parentKeyBytes: Int

        func finished() throws -> Digest {
            var builder = builder
            return try builder.finish()
        }
    }

    /// Missing directories that a notice names.
    private static let namedMax = 5

    private let objects: ObjectWriter
    private let contents: ContentWriter
    private var links: LinkCollector
    private(set) var report: WalkReport
    private var levels: [Level] = []
    /// Key of the directory at hand.
    private var openKey: [UInt8] = []
    /// Key of the last entry that is no directory.
    private var leafKey: [UInt8]?
    private var missing: (count: UInt64, named: [[UInt8]]) = (0, [])
    private var replaced: UInt64 = 0

    init(objects: ObjectWriter, links: LinkCollector, report: WalkReport) throws {
        self.objects = objects
        self.links = links
        self.report = report
        contents = try ContentWriter(objects, threads: 1)
    }

    /// Returns the entry of the root.
    mutating func assemble(_ entries: RecordSorter, _ answers: TarLinks.Answers) throws -> Entry {
        var answers = try TarLinkAnswers(answers)
        var cursor = try entries.cursor()
        var next = try cursor.nextTar()
        while let record = next {
            next = try cursor.nextTar()
            if let following = next, following.key == record.key {
                // Another one takes its name later. It may still be what a link is.
                replaced += 1
                continue
            }
            do {
                try add(record, &answers)
            } catch let error as FormatError {
                throw StoreError.refusedMember(record.path, error.message)
            }
        }
        if levels.isEmpty { openMissing([]) }
        while levels.count > 1 { try close() }
        let root = levels.removeLast()
        report.counts.entries += 1
        addNotices()
        return Entry(name: [], metadata: root.metadata, node: .directory(try root.finished()))
    }

    /// The link table; nil if there are no groups.
    mutating func writeLinks() throws -> Manifest.Links? {
        let groups = try links.finish(&report)
        guard !groups.isEmpty else { return nil }
        var stream = try LinkStream(groups)
        return try contents.writeList { try stream.next(into: $0) }
    }

    private mutating func add(_ record: TarRecord, _ answers: inout TarLinkAnswers) throws {
        var number = record.number
        var isLinked = try answers.isTarget(record)
        var definition = try TarDefinition(record.body, isRoot: record.key.isEmpty)
        if case .link = definition {
            guard let answer = try answers.answer(record) else {
                throw FormatError(.range, "it is a hard link to nothing")
            }
            number = answer.number
            isLinked = true
            definition = try TarDefinition(answer.definition, isRoot: false)
        }
        guard case .entry(var entry, let chunks) = definition else {
            throw FormatError(.range, "it is a hard link to a hard link")
        }
        entry.name = try enter(parentOf: record.key)
        if case .directory = entry.node { return open(entry.name, entry.metadata) }
        leafKey = Array(record.key)
        try append(entry)
        if case .file(let content) = entry.node {
            report.counts.files += 1
            report.counts.logicalBytes &+= content.length
            report.counts.chunks &+= chunks
        }
        if isLinked { try links.add(entry, number: number, path: record.path) }
    }

    /// Makes the directory of a key the one at hand. Returns the key's last name.
    private mutating func enter(parentOf key: ArraySlice<UInt8>) throws -> [UInt8] {
        if let leafKey, key.starts(with: leafKey) {
            throw FormatError(.range, "it is below \(shown(TarPath.path(key: leafKey))), which is no directory")
        }
        leafKey = nil
        guard !key.isEmpty else { return [] }
        if levels.isEmpty { openMissing([]) }
        // Compared once: closing a thousand directories must not compare a thousand times.
        let common = openKey.commonPrefix(with: key)
        while openKey.count > common { try close() }
        let names = key.dropFirst(openKey.count).dropLast().split(separator: 0)
        for name in names.dropLast() { openMissing(Array(name)) }
        return names.last.map { Array($0) } ?? []
    }

    private mutating func open(_ name: [UInt8], _ metadata: Metadata) {
        let builder = TreeBuilder { [objects] kind, bytes in try objects.put(kind, bytes) }
        levels.append(Level(name: name, metadata: metadata, builder: builder, parentKeyBytes: openKey.count))
        if !name.isEmpty { openKey += name + [0] }
    }

    /// Begins a directory that the archive does not have.
    private mutating func openMissing(_ name: [UInt8]) {
        let metadata = Metadata(mode: 0o755, uid: 0, gid: 0, modified: Timestamp(seconds: 0, nanoseconds: 0))
        open(name, metadata)
        missing.count += 1
        if missing.named.count < Self.namedMax { missing.named.append(TarPath.path(key: openKey)) }
    }

    private mutating func close() throws {
        let level = levels.removeLast()
        openKey.removeLast(openKey.count - level.parentKeyBytes)
        try append(Entry(name: level.name, metadata: level.metadata, node: .directory(try level.finished())))
    }

    private mutating func append(_ entry: Entry) throws {
        try levels[levels.count - 1].builder.append(entry)
        report.counts.entries += 1
    }

    private mutating func addNotices() {
        if missing.count > 0 {
            let names = missing.named.map { $0.isEmpty ? "the root" : shown($0) }.joined(separator: ", ")
            let more = missing.count > UInt64(missing.named.count) ? " and others" : ""
            report.notices.append(
                "The archive lacks \(missing.count) directories, made with mode 0755, owner 0:0 and time 0: "
                    + names + more + ".")
        }
        if replaced > 0 {
            report.notices.append("\(replaced) entries of the archive were replaced by later ones of the same name.")
        }
    }
}

extension [UInt8] {
    /// How many bytes are the same from the beginning.
    fileprivate func commonPrefix(with other: ArraySlice<UInt8>) -> Int {
        var index = 0
        while index < count, index < other.count, self[index] == other[other.startIndex + index] { index += 1 }
        return index
    }
}
