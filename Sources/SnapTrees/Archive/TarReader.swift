package import SnapChunking
internal import SnapCore
internal import SnapModel

/// Reads a tar archive member by member: pax, ustar, GNU with long names and sparse files, and what Unix 7 wrote.
///
/// Nothing in it is trusted: what is damaged is a named error. Memory: a pax header, at most 8 MiB, and the map of a
/// sparse file, at most 64 MiB; each only as it comes.
package final class TarReader {
    /// A pax header, or a name of GNU tar, is at most this long.
    package static let recordBytesMax = 8 << 20

    /// What special members say of the one that follows.
    private struct Pending {
        var records: [TarPaxRecord] = []
        var recordBytes = 0
        var name: [UInt8]?
        var linkName: [UInt8]?
        var isEmpty: Bool { recordBytes == 0 && name == nil && linkName == nil }
    }

    private let input: TarInput
    /// What global headers say of all members, applied once and not for each: 8 MiB of records and a million empty
    /// files would take hours.
    private var globals = TarFields()
    private var globalBytes = 0
    private var hasBegun = false

    // Of the member at hand.
    private var dataLeft: UInt64 = 0
    private var padding = 0
    private var fileBytes: UInt64 = 0
    private var position: UInt64 = 0
    private var extents: [TarExtent]?
    private var nextExtent = 0

    /// Whether the archive goes on after its end: two archives one after the other, perhaps.
    package private(set) var hasMoreAfterEnd = false

    /// - Parameter source: Fills a part of a buffer and says how much; 0 at the end.
    package init(_ source: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) {
        input = TarInput(source)
    }

    /// Goes to the next member, past what is left of the last one; nil at the end of the archive.
    ///
    /// - Throws: ``StoreError/Code/corrupt`` where it is damaged or cut, ``StoreError/Code/invalid`` for what is no tar
    ///   archive or has something that cannot be read.
    package func next() throws -> TarMember? {
        if !hasBegun { try checkBeginning() }
        try input.skip(dataLeft)
        try input.skip(UInt64(padding))
        (dataLeft, padding) = (0, 0)
        var pending = Pending()
        while true {
            let start = input.offset
            guard let block = try input.block() else { throw noEnd }
            if block.allSatisfy({ $0 == 0 }) {
                guard pending.isEmpty else { throw damaged(start, "A pax header has no member after it.") }
                try end()
                return nil
            }
            let header = try checked(start) { () throws(FormatError) in try TarHeader.decode(block) }
            switch header.type {
            case .extended, .solarisExtended:
                let records = try records(header, start)
                pending.recordBytes += Int(clamping: header.size)
                guard pending.recordBytes <= Self.recordBytesMax else { throw tooLong(start, pending.recordBytes) }
                pending.records += records
            case .global: try addGlobals(try records(header, start), start)
            case .longName: pending.name = try name(header, start)
            case .longLink: pending.linkName = try name(header, start)
            case .volumeName: try input.skip(header.size + UInt64(TarHeader.padding(after: header.size)))
            case .continuation, .oldLongNames:
                throw StoreError(
                    .invalid, "The archive is one of several volumes, or of a tar before 1990: that cannot be read.",
                    hint: "Unpack it with tar, then capture the directory with `snapstore create`.")
            default: return try begin(header, block, pending, start)
            }
        }
    }

    /// The next bytes of the member at hand, or zeros that are not in the archive.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> CutInput {
        guard let extents else {
            guard dataLeft > 0 else { return .end }
            return .bytes(try readData(into: buffer, atMost: dataLeft))
        }
        while nextExtent < extents.count {
            let extent = extents[nextExtent]
            if position < extent.offset { return zeros(to: extent.offset) }
            // Checked with the map: no overflow, and as many bytes as there are.
            let left = extent.offset + extent.size - position
            guard left == 0 else { return .bytes(try readData(into: buffer, atMost: left)) }
            nextExtent += 1
        }
        return position < fileBytes ? zeros(to: fileBytes) : .end
    }

    private func zeros(to end: UInt64) -> CutInput {
        defer { position = end }
        return .zeros(end - position)
    }

    private func readData(into buffer: UnsafeMutableRawBufferPointer, atMost left: UInt64) throws -> Int {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(UInt64(buffer.count), left))])
        let count = try input.read(into: room)
        dataLeft -= UInt64(count)
        position += UInt64(count)
        return count
    }
}

// MARK: Members

extension TarReader {
    private func begin(_ header: TarHeader, _ block: [UInt8], _ pending: Pending, _ start: UInt64) throws -> TarMember {
        let fields = try checked(start) { () throws(FormatError) -> TarFields in
            var fields = globals
            for record in pending.records { try fields.apply(record) }
            return fields
        }
        var member = try checked(start) { () throws(FormatError) in try makeMember(header, fields, pending) }
        guard member.archivedBytes <= Limits.fileBytesMax else { throw tooLarge(member.path, member.archivedBytes) }
        dataLeft = member.archivedBytes
        padding = TarHeader.padding(after: dataLeft)
        (position, nextExtent, extents) = (0, 0, nil)
        fileBytes = dataLeft
        if header.type == .sparse || member.type == .file && fields.sparse.isUsed {
            try readMap(header, block, fields.sparse, start)
            guard fileBytes <= Limits.fileBytesMax else { throw tooLarge(member.path, fileBytes) }
            member.isSparse = true
        }
        member.size = member.type == .file ? fileBytes : 0
        return member
    }

    private func makeMember(_ header: TarHeader, _ fields: TarFields, _ pending: Pending) throws(FormatError)
        -> TarMember
    {
        let path = fields.realPath ?? pending.name ?? header.name
        var member = TarMember(path: path, type: header.type)
        switch header.type {
        case .oldFile, .file, .contiguous, .sparse:
            // So Unix 7 said that it is a directory.
            member.type = path.last == 47 ? .directory : .file
        case .dumpDirectory: member.type = .directory
        default: break
        }
        member.linkName = fields.linkName ?? pending.linkName ?? header.linkName
        member.mode = header.mode
        member.uid = try positive(fields.uid, header.uid, "uid")
        member.gid = try positive(fields.gid, header.gid, "gid")
        member.modified = fields.modified ?? Timestamp(seconds: header.seconds, nanoseconds: 0)
        member.major = try positive(fields.major, header.major, "device number")
        member.minor = try positive(fields.minor, header.minor, "device number")
        member.archivedBytes = header.type.isHeaderOnly ? 0 : fields.size ?? header.size
        member.attributes = fields.sortedAttributes
        member.accessList = fields.accessList
        member.defaultList = fields.defaultList
        return member
    }

    /// What a record says, else the header.
    private func positive(_ known: UInt64?, _ value: Int64, _ name: String) throws(FormatError) -> UInt64 {
        if let known { return known }
        guard let value = UInt64(exactly: value) else {
            throw FormatError(.range, "A header has the \(name) \(value).")
        }
        return value
    }

    /// Reads what is left of a sparse file's map, and holds it against the sizes.
    private func readMap(_ header: TarHeader, _ block: [UInt8], _ sparse: TarFields.Sparse, _ start: UInt64) throws {
        var map = sparse.extents
        if header.type == .sparse {
            var part = try checked(start) { () throws(FormatError) in try TarSparse.parse(header: block) }
            map = part.extents
            while part.hasMore {
                guard map.count <= TarSparse.extentsMax - 21 else {
                    throw damaged(start, "The map of a sparse file has over \(TarSparse.extentsMax) parts.")
                }
                guard let next = try input.block() else { throw input.truncated }
                part = try checked(start) { () throws(FormatError) in try TarSparse.parse(block: next) }
                map += part.extents
            }
            fileBytes = try checked(start) { () throws(FormatError) in try TarSparse.fileBytes(header: block) }
        } else if sparse.hasMapInData {
            var reader = TarSparse.MapReader()
            while !reader.isDone {
                guard dataLeft >= UInt64(TarHeader.blockBytes) else {
                    throw damaged(start, "The map of a sparse file is longer than the file in the archive.")
                }
                guard let next = try input.block() else { throw input.truncated }
                dataLeft -= UInt64(TarHeader.blockBytes)
                try checked(start) { () throws(FormatError) in try reader.append(next) }
            }
            map = reader.extents
        }
        if let known = sparse.fileBytes { fileBytes = known }
        try checked(start) { () throws(FormatError) in
            try TarSparse.check(map, fileBytes: fileBytes, dataBytes: dataLeft)
        }
        extents = map
    }
}

// MARK: Special members

extension TarReader {
    /// The data of a special member.
    private func data(_ header: TarHeader, _ start: UInt64) throws -> [UInt8] {
        guard let count = Int(exactly: header.size), count <= Self.recordBytesMax else {
            throw tooLong(start, Int(clamping: header.size))
        }
        let bytes = try input.bytes(count)
        try input.skip(UInt64(TarHeader.padding(after: header.size)))
        return bytes
    }

    private func records(_ header: TarHeader, _ start: UInt64) throws -> [TarPaxRecord] {
        let bytes = try data(header, start)
        return try checked(start) { () throws(FormatError) in try TarPaxRecord.decode(bytes) }
    }

    private func name(_ header: TarHeader, _ start: UInt64) throws -> [UInt8] {
        var bytes = try data(header, start)
        while bytes.last == 0 { bytes.removeLast() }
        return bytes
    }

    private func addGlobals(_ records: [TarPaxRecord], _ start: UInt64) throws {
        for record in records {
            globalBytes += record.keyword.count + record.value.count
            guard globalBytes <= Self.recordBytesMax else { throw tooLong(start, globalBytes) }
            try checked(start) { () throws(FormatError) in try globals.apply(global: record) }
        }
    }
}

// MARK: Beginning and end

extension TarReader {
    /// What else a stream may be, by its first bytes, and what to do then.
    private static let others: [(magic: [UInt8], name: String, program: String?)] = [
        ([0x1f, 0x8b], "gzip", "zcat"), ([0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstdcat"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz", "xzcat"), (Array("BZh".utf8), "bzip2", "bzcat"),
        ([0x04, 0x22, 0x4d, 0x18], "lz4", "lz4cat"),
    ]

    private func checkBeginning() throws {
        hasBegun = true
        let first = try input.peek(TarHeader.blockBytes)
        if let other = Self.others.first(where: { first.starts(with: $0.magic) }) {
            throw StoreError(
                .invalid, "The stream is compressed with \(other.name).",
                hint: "Pipe it through: \(other.program ?? other.name) FILE | snapstore import - NAME:TAG --format tar")
        }
        if first.starts(with: NativeExport.magic) {
            throw StoreError(
                .invalid, "The stream is a snapshot as `snapstore export` writes it, no tar archive.",
                hint: "Leave out --format tar.")
        }
        guard !first.isEmpty else { throw StoreError(.corrupt, "The archive is empty.") }
        let isZero = first.allSatisfy { $0 == 0 }
        guard isZero || first.count < TarHeader.blockBytes || (try? TarHeader.decode(first)) != nil else {
            throw StoreError(.invalid, "The stream is no tar archive: it does not begin with a header.")
        }
    }

    /// After the first block of zeros: another should follow, then perhaps more zeros.
    private func end() throws {
        let start = input.offset
        if let block = try input.block(), !block.allSatisfy({ $0 == 0 }) {
            throw damaged(start, "A member follows a block of zeros.")
        }
        hasMoreAfterEnd = try !input.drain()
    }

    private var noEnd: StoreError {
        StoreError(
            .corrupt, "The archive ends at byte \(input.offset) without an end mark: it was cut.",
            hint: "If it is whole, and its program writes none: (cat FILE; head -c 1024 /dev/zero) | snapstore import -"
        )
    }

    private func damaged(_ start: UInt64, _ message: String) -> StoreError {
        StoreError(.corrupt, "The archive is damaged at byte \(start). \(message)")
    }

    private func tooLong(_ start: UInt64, _ count: Int) -> StoreError {
        StoreError(
            .invalid, "The archive has a pax header or name of \(count) bytes at byte \(start); 8 MiB can be read.")
    }

    private func tooLarge(_ path: [UInt8], _ size: UInt64) -> StoreError {
        StoreError(.invalid, "The archive's member \(shown(path)) has \(size) bytes; a file may have 2^60.")
    }

    private func checked<Value>(_ start: UInt64, _ body: () throws(FormatError) -> Value) throws -> Value {
        do { return try body() } catch { throw damaged(start, error.message) }
    }
}
