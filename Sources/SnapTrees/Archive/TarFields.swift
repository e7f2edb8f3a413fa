internal import SnapModel

/// What pax records say of one member; what they do not say is in its header.
struct TarFields {
    private var path: [UInt8]?
    private(set) var linkName: [UInt8]?
    private(set) var uid: UInt64?
    private(set) var gid: UInt64?
    private(set) var size: UInt64?
    private(set) var modified: Timestamp?
    private(set) var major: UInt64?
    private(set) var minor: UInt64?
    private(set) var accessList: [UInt8]?
    private(set) var defaultList: [UInt8]?
    private(set) var sparse = Sparse()
    private var attributes: [[UInt8]: [UInt8]] = [:]
    private var label: [UInt8]?

    /// What `GNU.sparse.…` records say, of whichever version.
    struct Sparse {
        var major: UInt64?
        var name: [UInt8]?
        var fileBytes: UInt64?
        var extents: [TarExtent] = []
        fileprivate var offset: UInt64?

        /// Whether the map stands before the bytes.
        var hasMapInData: Bool { major == 1 }
        var isUsed: Bool { hasMapInData || !extents.isEmpty || fileBytes != nil }
    }

    /// Adds a record; a later one of the same keyword wins.
    ///
    /// - Throws: ``FormatError`` for a number or a time that is none.
    mutating func apply(_ record: TarPaxRecord) throws(FormatError) {
        if let name = TarAttributeKeyword.decode(record.keyword) {
            attributes[name] = record.value
            return
        }
        // An empty value takes back what a global record said.
        let value = record.value.isEmpty ? nil : record.value
        switch String(decoding: record.keyword, as: UTF8.self) {
        case "path": path = value
        case "linkpath": linkName = value
        case "uid": uid = try number(value, record)
        case "gid": gid = try number(value, record)
        case "size": size = try number(value, record)
        case "mtime": modified = try time(value)
        case "SCHILY.devmajor": major = try number(value, record)
        case "SCHILY.devminor": minor = try number(value, record)
        case "SCHILY.acl.access": accessList = value
        case "SCHILY.acl.default": defaultList = value
        case "RHT.security.selinux": label = value
        case let keyword where keyword.hasPrefix("GNU.sparse."): try applySparse(keyword, record)
        default: break
        }
    }

    /// Adds a record of a global header. An empty one takes back what an earlier one said. A map is that of one file:
    /// none is taken from there.
    mutating func apply(global record: TarPaxRecord) throws(FormatError) {
        guard !record.keyword.starts(with: Array("GNU.sparse.".utf8)) else { return }
        if record.value.isEmpty, let name = TarAttributeKeyword.decode(record.keyword) {
            attributes[name] = nil
        } else {
            try apply(record)
        }
    }

    private mutating func applySparse(_ keyword: String, _ record: TarPaxRecord) throws(FormatError) {
        switch keyword {
        case "GNU.sparse.major": sparse.major = try number(record.value, record)
        case "GNU.sparse.name": sparse.name = record.value
        case "GNU.sparse.realsize", "GNU.sparse.size": sparse.fileBytes = try number(record.value, record)
        case "GNU.sparse.map": sparse.extents = try TarSparse.parse(map: record.value)
        case "GNU.sparse.offset": sparse.offset = try number(record.value, record)
        case "GNU.sparse.numbytes":
            guard let offset = sparse.offset, let size = try number(record.value, record) else {
                throw FormatError(.order, "A pax header has a GNU.sparse.numbytes without its offset.")
            }
            sparse.extents.append(TarExtent(offset: offset, size: size))
            sparse.offset = nil
        default: break
        }
    }

    /// The path of the member. That of a sparse file is in a record of its own, because its header has a made-up one.
    /// Where there are both, GNU tar has the made-up path, cut to the field of a header, and libarchive the real one,
    /// but cut the name.
    var realPath: [UInt8]? {
        guard let name = sparse.name else { return path }
        guard let path, path.count > max(name.count, TarHeader.nameBytesMax) else { return name }
        let isMadeUp = path.split(separator: 47).contains { $0.starts(with: Array("GNUSparseFile.".utf8)) }
        return isMadeUp ? name : path
    }

    /// Extended attributes in order of their names.
    var sortedAttributes: [SourceAttribute] {
        var all = attributes
        let selinux = Array("security.selinux".utf8)
        // As the kernel has it, with its end.
        if let label, all[selinux] == nil { all[selinux] = label + [0] }
        return all.map { SourceAttribute(name: $0.key, value: $0.value) }.sorted { $0.name.precedes($1.name) }
    }

    private func number(_ value: [UInt8]?, _ record: TarPaxRecord) throws(FormatError) -> UInt64? {
        guard let value else { return nil }
        guard let number = TarNumber.decimal(value) else {
            throw FormatError(
                .range, "A pax record has \(shown(record.keyword)) \(shown(value)), which is no number.")
        }
        return number
    }

    private func time(_ value: [UInt8]?) throws(FormatError) -> Timestamp? {
        guard let value else { return nil }
        guard let time = TarTime.parse(value) else {
            throw FormatError(.range, "A pax record has the mtime \(shown(value)), which is no time.")
        }
        return time
    }
}
