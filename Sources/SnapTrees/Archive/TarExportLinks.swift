internal import SnapCore
internal import SnapIO
internal import SnapModel

/// The hard-link groups of a snapshot in the order of a walk: the first name of each is the file, the others link to it.
///
/// Memory: the largest group of the table, and entries of names that others link to, up to a limit.
struct TarExportLinks {
    /// First names whose entry is kept for comparison; of others it is looked up.
    private static let keptMax = 16_384

    private let root: Entry
    private let load: ObjectLoader
    private var cursor: RecordSorter.Cursor?
    private var next: TarRecord?
    private var kept: [[UInt8]: Entry] = [:]

    init(_ links: Manifest.Links?, root: Entry, load: @escaping ObjectLoader, makeSorter: () -> RecordSorter) throws {
        self.root = root
        self.load = load
        guard let links else { return }
        let names = makeSorter()
        var segments = try SegmentCursor(list: links.list, length: links.length, load: load)
        var reader = LinkTableReader()
        while let segment = try segments.next() {
            switch segment {
            case .data(let digest, _): reader.append(try load(ObjectKey(.chunk, digest)))
            case .zeros: throw FormatError(.range, "A link table holds a hole.")
            }
            while let group = try reader.next() { try Self.add(group, to: names) }
        }
        try reader.end()
        var cursor = try names.cursor()
        next = try cursor.nextTar()
        self.cursor = cursor
    }

    private static func add(_ group: LinkGroup, to names: RecordSorter) throws {
        let keys = group.paths.map(TarPath.key)
        guard let first = keys.min(by: { $0.precedes($1) }) else { return }
        for key in keys {
            try names.append(TarRecord.place(key, 0) + (key == first ? [] : TarPath.path(key: first)))
        }
    }

    /// Takes note of the next name of the walk. Returns the path to link to, if another of its group was first.
    ///
    /// - Throws: ``FormatError`` when the group's entries differ, or one is missing or a directory.
    mutating func meet(_ path: [UInt8], _ entry: Entry) throws -> [UInt8]? {
        guard let record = next else { return nil }
        let key = TarPath.key(path)
        guard record.key.elementsEqual(key) else {
            if key.precedes(Array(record.key)) { return nil }
            throw Self.missing(record)
        }
        next = try cursor?.nextTar()
        if case .directory = entry.node {
            throw FormatError(.range, "The link table names the directory \(escaped(path)).")
        }
        guard !record.body.isEmpty else {
            if kept.count >= Self.keptMax { kept.removeAll(keepingCapacity: true) }
            kept[path] = entry
            return nil
        }
        let first = Array(record.body)
        guard let other = try kept[first] ?? lookUp(first), other.metadata == entry.metadata, other.node == entry.node
        else {
            throw FormatError(
                .range, "The hard links \(escaped(first)) and \(escaped(path)) are not the same in the snapshot.")
        }
        return first
    }

    /// Every name must have been met.
    func end() throws(FormatError) {
        if let next { throw Self.missing(next) }
    }

    private static func missing(_ record: TarRecord) -> FormatError {
        FormatError(.range, "The link table names \(escaped(record.path)), which the snapshot does not have.")
    }

    private func lookUp(_ path: [UInt8]) throws -> Entry? {
        var entry: Entry? = root
        for name in path.split(separator: 47) {
            guard case .directory(let digest) = entry?.node else { return nil }
            entry = try SnapModel.lookUp(name: Array(name), inTree: digest, load: load)
        }
        return entry
    }
}
