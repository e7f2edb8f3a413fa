internal import SnapDigest

// docs/format.md section 5.

extension Entry {
    /// Appends the encoding.
    ///
    /// - Throws: ``FormatError/Code/limit`` or ``FormatError/Code/range`` for what the format cannot hold.
    package func encode(to writer: inout ByteWriter) throws(FormatError) {
        guard name.isEmpty || EntryName.isValid(name) else {
            throw FormatError(.range, "The name \(escaped(name)) cannot be stored.")
        }
        writer.lengthAndBytes(name)
        writer.byte(node.typeNumber)
        try metadata.encode(to: &writer)
        switch node {
        case .file(let content):
            try content.check()
            content.encode(to: &writer)
        case .directory(let digest): writer.digest(digest)
        case .symbolicLink(let target):
            guard (1...Limits.linkTargetBytesMax).contains(target.count), !target.contains(0) else {
                throw FormatError(.limit, "The target of the link \(escaped(name)) is \(target.count) bytes long.")
            }
            guard metadata.mode == 0o777 else {
                throw FormatError(.range, "The symbolic link \(escaped(name)) has a mode other than 0777.")
            }
            writer.lengthAndBytes(target)
        case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
            writer.varint(UInt64(major))
            writer.varint(UInt64(minor))
        case .fifo, .socket: break
        }
    }

    package func encoded() throws(FormatError) -> [UInt8] {
        var writer = ByteWriter()
        try encode(to: &writer)
        guard writer.bytes.count <= Limits.entryBytesMax else {
            throw FormatError(.limit, "The entry \(escaped(name)) takes \(writer.bytes.count) bytes, over 128 KiB.")
        }
        return writer.bytes
    }

    /// - Parameter isRoot: The one entry without a name.
    package static func decode(from reader: inout ByteReader, isRoot: Bool) throws(FormatError) -> Entry {
        let start = reader.offset
        let name = try reader.lengthAndBytes(in: (isRoot ? 0 : 1)...Limits.nameBytesMax, "name")
        guard isRoot ? name.isEmpty : EntryName.isValid(name) else {
            throw reader.error(.range, "has the name \(escaped(name)), which cannot be one")
        }
        let type = try reader.byte()
        let metadata = try Metadata.decode(from: &reader)
        let node = try Node.decode(type, from: &reader)
        if case .symbolicLink = node, metadata.mode != 0o777 {
            throw reader.error(.notCanonical, "has a symbolic link with mode other than 0777")
        }
        guard reader.offset - start <= Limits.entryBytesMax else {
            throw reader.error(.limit, "has an entry over 128 KiB")
        }
        return Entry(name: name, metadata: metadata, node: node)
    }
}

/// What a name in a directory may be.
package enum EntryName {
    /// 1 … 255 bytes without `/` and NUL, not `.` or `..`.
    package static func isValid(_ name: [UInt8]) -> Bool { name.withUnsafeBytes { isValid($0[...]) } }

    static func isValid(_ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard (1...Limits.nameBytesMax).contains(name.count) else { return false }
        if name.count <= 2, name.allSatisfy({ $0 == 46 }) { return false }
        return !name.contains(47) && !name.contains(0)
    }
}

extension Node {
    var typeNumber: UInt8 {
        switch self {
        case .file: 1
        case .directory: 2
        case .symbolicLink: 3
        case .characterDevice: 4
        case .blockDevice: 5
        case .fifo: 6
        case .socket: 7
        }
    }

    static func decode(_ type: UInt8, from reader: inout ByteReader) throws(FormatError) -> Node {
        switch type {
        case 1: return .file(try Content.decode(from: &reader))
        case 2: return .directory(try reader.digest())
        case 3:
            let target = try reader.lengthAndBytes(in: 1...Limits.linkTargetBytesMax, "link target")
            guard !target.contains(0) else { throw reader.error(.range, "has a NUL in a link target") }
            return .symbolicLink(target)
        case 4, 5:
            let major = UInt32(truncatingIfNeeded: try reader.varint(max: UInt64(UInt32.max), "major number"))
            let minor = UInt32(truncatingIfNeeded: try reader.varint(max: UInt64(UInt32.max), "minor number"))
            return type == 4
                ? .characterDevice(major: major, minor: minor) : .blockDevice(major: major, minor: minor)
        case 6: return .fifo
        case 7: return .socket
        default: throw reader.error(.unknown, "has an entry of unknown type \(type)")
        }
    }
}

extension Metadata {
    func encode(to writer: inout ByteWriter) throws(FormatError) {
        guard mode <= Limits.modeMax, uid <= Limits.idMax, gid <= Limits.idMax, modified.nanoseconds < 1_000_000_000
        else { throw FormatError(.range, "A mode, owner or time is out of range.") }
        writer.varint(UInt64(mode))
        writer.varint(UInt64(uid))
        writer.varint(UInt64(gid))
        writer.zigzag(modified.seconds)
        writer.varint(UInt64(modified.nanoseconds))
        writer.varint(UInt64(attributes.count))
        for (index, attribute) in attributes.enumerated() {
            guard index == 0 || attributes[index - 1].name.lexicographicallyPrecedes(attribute.name) else {
                throw FormatError(.order, "The attribute \(escaped(attribute.name)) is out of order.")
            }
            try attribute.encode(to: &writer)
        }
    }

    static func decode(from reader: inout ByteReader) throws(FormatError) -> Metadata {
        let mode = UInt16(truncatingIfNeeded: try reader.varint(max: UInt64(Limits.modeMax), "mode"))
        let uid = UInt32(truncatingIfNeeded: try reader.varint(max: UInt64(Limits.idMax), "uid"))
        let gid = UInt32(truncatingIfNeeded: try reader.varint(max: UInt64(Limits.idMax), "gid"))
        let seconds = try reader.zigzag()
        let nanoseconds = UInt32(truncatingIfNeeded: try reader.varint(max: 999_999_999, "nanoseconds"))
        let count = try reader.count(max: Limits.entryBytesMax, bytesEach: 2, "attributes")
        var attributes: [ExtendedAttribute] = []
        for _ in 0..<count {
            let attribute = try ExtendedAttribute.decode(from: &reader)
            if let last = attributes.last, !last.name.lexicographicallyPrecedes(attribute.name) {
                throw reader.error(.order, "has attributes out of order")
            }
            attributes.append(attribute)
        }
        return Metadata(
            mode: mode, uid: uid, gid: gid, modified: Timestamp(seconds: seconds, nanoseconds: nanoseconds),
            attributes: attributes)
    }
}

extension ExtendedAttribute {
    func encode(to writer: inout ByteWriter) throws(FormatError) {
        guard (1...Limits.attributeNameBytesMax).contains(name.count), !name.contains(0) else {
            throw FormatError(.range, "The name of an attribute is \(name.count) bytes long.")
        }
        writer.lengthAndBytes(name)
        switch value {
        case .inline(let bytes):
            guard bytes.count <= Limits.attributeInlineBytesMax else {
                throw FormatError(.range, "An attribute of \(bytes.count) bytes must be a chunk.")
            }
            guard !PosixACL.isACL(name) || PosixACL.canonical(bytes) == bytes else {
                throw FormatError(.notCanonical, "The access control list \(escaped(name)) is out of order.")
            }
            writer.lengthAndBytes(bytes)
        case .chunk(let digest, let size):
            guard size > Limits.attributeInlineBytesMax, size <= Limits.attributeBytesMax else {
                throw FormatError(.limit, "An attribute of \(size) bytes cannot be stored.")
            }
            writer.varint(UInt64(size))
            writer.digest(digest)
        }
    }

    static func decode(from reader: inout ByteReader) throws(FormatError) -> ExtendedAttribute {
        let name = try reader.lengthAndBytes(in: 1...Limits.attributeNameBytesMax, "attribute name")
        guard !name.contains(0) else { throw reader.error(.range, "has a NUL in the name of an attribute") }
        let size = Int(try reader.varint(max: UInt64(Limits.attributeBytesMax), "an attribute of size"))
        guard size <= Limits.attributeInlineBytesMax else {
            return ExtendedAttribute(name: name, value: .chunk(try reader.digest(), size: UInt32(size)))
        }
        let value = try reader.raw(size)
        guard !PosixACL.isACL(name) || PosixACL.canonical(value) == value else {
            throw reader.error(.notCanonical, "has an access control list out of order")
        }
        return ExtendedAttribute(name: name, value: .inline(value))
    }
}
