internal import SnapCore
internal import SnapDigest
internal import SnapIO
internal import SnapModel

/// The hard-link groups of a snapshot in the order of a walk: the first name of each is the file, the others link to it.
///
/// Memory: the largest group of the table.
struct TarExportLinks {
    /// Names in the order of the walk; each but the first of a group with the first's path.
    private var names: RecordSorter.Cursor?
    private var next: TarRecord?
    /// By first name: digests of the entries that its group has.
    private let versions: RecordSorter
    private let hasher: SHA256

    init(_ links: Manifest.Links?, load: @escaping ObjectLoader, makeSorter: () -> RecordSorter) throws {
        versions = makeSorter()
        hasher = try SHA256()
        guard let links else { return }
        let names = makeSorter()
        var table = try LinkTableCursor(links, load: load)
        while let group = try table.next() { try Self.add(group, to: names) }
        var cursor = try names.cursor()
        next = try cursor.nextTar()
        self.names = cursor
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
    /// - Throws: ``FormatError`` when a name of the table is missing or a directory.
    mutating func meet(_ path: [UInt8], _ entry: Entry) throws -> [UInt8]? {
        guard let record = next else { return nil }
        let key = TarPath.key(path)
        guard record.key.elementsEqual(key) else {
            if key.precedes(Array(record.key)) { return nil }
            throw Self.missing(record)
        }
        next = try names?.nextTar()
        if case .directory = entry.node {
            throw FormatError(.range, "The link table names the directory \(shown(path)).")
        }
        let first = record.body.isEmpty ? path : Array(record.body)
        let version = hasher.digest(try RootNode.encode(entry))
        try versions.append(TarRecord.place(TarPath.key(first), 0) + version.withBytes { Array($0) })
        return record.body.isEmpty ? nil : first
    }

    /// Every name must have been met, and the entries of each group be equal: known only now, because names of a group
    /// may lie far from each other.
    mutating func end() throws {
        if let next { throw Self.missing(next) }
        var cursor = try versions.cursor()
        var last: TarRecord?
        while let version = try cursor.nextTar() {
            if let last, last.place == version.place, last.body != version.body {
                throw FormatError(
                    .range, "The hard links of \(shown(version.path)) are not the same in the snapshot.")
            }
            last = version
        }
    }

    private static func missing(_ record: TarRecord) -> FormatError {
        FormatError(.range, "The link table names \(shown(record.path)), which the snapshot does not have.")
    }
}
