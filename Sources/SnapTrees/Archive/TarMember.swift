package import SnapModel

/// One member of a tar archive, apart from its bytes: what its header and its pax records say together.
package struct TarMember: Hashable, Sendable {
    /// As the archive has it.
    package var path: [UInt8]
    package var type: TarType
    /// The target of a symbolic link, or the other name of a hard link.
    package var linkName: [UInt8] = []
    package var mode: UInt16 = 0
    package var uid: UInt64 = 0
    package var gid: UInt64 = 0
    package var modified = Timestamp(seconds: 0, nanoseconds: 0)
    package var major: UInt64 = 0
    package var minor: UInt64 = 0
    /// Bytes of the file; of a sparse one with its holes.
    package var size: UInt64 = 0
    /// Bytes in the archive; for a sparse file its map and its data.
    package var archivedBytes: UInt64 = 0
    package var isSparse = false
    /// Extended attributes, in order of their names.
    package var attributes: [SourceAttribute] = []
    /// Texts of access control lists.
    package var accessList: [UInt8]?
    package var defaultList: [UInt8]?

    package init(path: [UInt8], type: TarType) {
        self.path = path
        self.type = type
    }
}

extension TarMember {
    /// The blocks before the bytes of the member: a pax header if something needs one, and the header.
    ///
    /// One member has one encoding.
    package func encode() -> [UInt8] {
        let records = records
        var blocks: [UInt8] = []
        if !records.isEmpty {
            let data = records.flatMap { $0.encode() }
            var header = TarHeader(name: derivedName("PaxHeaders"), type: .extended)
            header.mode = 0o644
            header.size = UInt64(data.count)
            blocks += header.encode() + data
            blocks += [UInt8](repeating: 0, count: TarHeader.padding(after: header.size))
        }
        return blocks + header.encode()
    }

    private var header: TarHeader {
        let parts = isSparse ? (prefix: [], name: derivedName("GNUSparseFile.0")) : Self.split(path)
        var header = TarHeader(name: parts?.name ?? Array(path.prefix(TarHeader.nameBytesMax)), type: type)
        header.prefix = parts?.prefix ?? []
        header.mode = mode
        header.uid = Int64(clamping: uid)
        header.gid = Int64(clamping: gid)
        header.size = archivedBytes
        header.seconds = modified.seconds
        header.linkName = Array(linkName.prefix(TarHeader.nameBytesMax))
        header.major = Int64(clamping: major)
        header.minor = Int64(clamping: minor)
        return header
    }

    /// What the header cannot hold.
    private var records: [TarPaxRecord] {
        var records: [TarPaxRecord] = []
        func add(_ keyword: String, _ value: some BinaryInteger) {
            records.append(TarPaxRecord(keyword, Array("\(value)".utf8)))
        }
        // It says of the records that follow that their texts are bytes, and comes first for that.
        let isText = [path, linkName].allSatisfy { String(validating: $0, as: UTF8.self) != nil }
        if !isText { records.append(TarPaxRecord("hdrcharset", Array("BINARY".utf8))) }
        if !isSparse, Self.split(path) == nil || !Self.isASCII(path) { records.append(TarPaxRecord("path", path)) }
        if linkName.count > TarHeader.nameBytesMax || !Self.isASCII(linkName) {
            records.append(TarPaxRecord("linkpath", linkName))
        }
        if uid > TarHeader.shortMax { add("uid", uid) }
        if gid > TarHeader.shortMax { add("gid", gid) }
        if archivedBytes > TarHeader.longMax { add("size", archivedBytes) }
        if modified.nanoseconds > 0 || UInt64(exactly: modified.seconds).map({ $0 > TarHeader.longMax }) ?? true {
            records.append(TarPaxRecord("mtime", TarTime.text(modified)))
        }
        if major > TarHeader.shortMax { add("SCHILY.devmajor", major) }
        if minor > TarHeader.shortMax { add("SCHILY.devminor", minor) }
        if let accessList { records.append(TarPaxRecord("SCHILY.acl.access", accessList)) }
        if let defaultList { records.append(TarPaxRecord("SCHILY.acl.default", defaultList)) }
        for attribute in attributes {
            records.append(TarPaxRecord(TarAttributeKeyword.encode(attribute.name), attribute.value))
        }
        if isSparse {
            // Readers take them for overrides of `size`, so they come after it.
            add("GNU.sparse.major", 1)
            add("GNU.sparse.minor", 0)
            records.append(TarPaxRecord("GNU.sparse.name", path))
            add("GNU.sparse.realsize", size)
        }
        return records
    }

    private static func isASCII(_ bytes: [UInt8]) -> Bool { bytes.allSatisfy { $0 < 0x80 } }

    /// The path as the two fields of a header hold it; nil when they cannot.
    private static func split(_ path: [UInt8]) -> (prefix: [UInt8], name: [UInt8])? {
        if path.count <= TarHeader.nameBytesMax { return ([], path) }
        // A slash at the end belongs to the name.
        let slashes = path.indices.dropLast().filter { path[$0] == 47 && (1...TarHeader.prefixBytesMax).contains($0) }
        guard let slash = slashes.last, path.count - slash - 1 <= TarHeader.nameBytesMax else { return nil }
        return (Array(path[..<slash]), Array(path[(slash + 1)...]))
    }

    /// A name for readers that do not know what the block is, and take it for a file: the member's, in a directory of
    /// that name.
    private func derivedName(_ directory: String) -> [UInt8] {
        let names = path.split(separator: 47).filter { $0 != [46] }
        return Array("./\(directory)/".utf8) + (names.last.map { Array($0.prefix(80)) } ?? [46])
    }
}
