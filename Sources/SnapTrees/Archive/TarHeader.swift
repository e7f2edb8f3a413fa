package import SnapModel

/// What a member of a tar archive is: one letter of its header.
package struct TarType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    private init(_ letter: Unicode.Scalar) {
        rawValue = UInt8(ascii: letter)
    }

    package static let file = TarType("0")
    package static let hardLink = TarType("1")
    package static let symbolicLink = TarType("2")
    package static let characterDevice = TarType("3")
    package static let blockDevice = TarType("4")
    package static let directory = TarType("5")
    package static let fifo = TarType("6")
    /// A file in one piece on the disk, which is a file.
    package static let contiguous = TarType("7")
    /// What the unnumbered tar of Unix 7 says of a file.
    package static let oldFile = TarType(rawValue: 0)

    /// Pax records for the member that follows, and for all that follow.
    package static let extended = TarType("x")
    package static let global = TarType("g")
    /// The same as `x`, as Solaris wrote it before there was a standard.
    package static let solarisExtended = TarType("X")

    /// GNU: the name, or the target, of the member that follows.
    package static let longName = TarType("L")
    package static let longLink = TarType("K")
    package static let sparse = TarType("S")
    package static let dumpDirectory = TarType("D")
    package static let volumeName = TarType("V")
    package static let continuation = TarType("M")
    package static let oldLongNames = TarType("N")

    /// Members of these types have no bytes, whatever their header's size says.
    var isHeaderOnly: Bool {
        [.hardLink, .symbolicLink, .characterDevice, .blockDevice, .directory, .fifo].contains(self)
    }
}

/// One header block of a tar archive: POSIX.1-2017, pax, "ustar Interchange Format", and what came before it.
package struct TarHeader: Hashable, Sendable {
    package static let blockBytes = 512
    static let nameBytesMax = 100
    static let prefixBytesMax = 155
    /// The largest numbers of the short and the long fields in octal digits.
    static let shortMax: UInt64 = 0o7_777_777
    static let longMax: UInt64 = 0o77_777_777_777

    package enum Dialect: Hashable, Sendable {
        case unix7, posix, gnu
    }

    package var dialect = Dialect.posix
    /// At most 100 bytes when written; as read, with the prefix before it.
    package var name: [UInt8]
    /// At most 155 bytes; only for writing.
    package var prefix: [UInt8] = []
    package var type: TarType
    package var mode: UInt16 = 0
    package var uid: Int64 = 0
    package var gid: Int64 = 0
    package var size: UInt64 = 0
    package var seconds: Int64 = 0
    package var linkName: [UInt8] = []
    package var major: Int64 = 0
    package var minor: Int64 = 0

    package init(name: [UInt8], type: TarType) {
        self.name = name
        self.type = type
    }

    /// Zero bytes that follow `size` bytes, to the end of a block.
    package static func padding(after size: UInt64) -> Int {
        let over = Int(size % UInt64(blockBytes))
        return over == 0 ? 0 : blockBytes - over
    }
}

// MARK: Coding

extension TarHeader {
    private enum Place {
        static let name = 0..<100
        static let mode = 100..<108
        static let uid = 108..<116
        static let gid = 116..<124
        static let size = 124..<136
        static let time = 136..<148
        static let checksum = 148..<156
        static let type = 156
        static let linkName = 157..<257
        static let magic = 257..<265
        static let major = 329..<337
        static let minor = 337..<345
        static let prefix = 345..<500
        /// Of star, which has times after it.
        static let shortPrefix = 345..<476
        static let trailer = 508..<512
    }

    private static let posixMagic = Array("ustar".utf8)
    private static let gnuMagic = Array("ustar  \0".utf8)

    /// The block. Numbers that do not fit are written as 0, and texts cut: pax records have them whole.
    package func encode() -> [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockBytes)
        func put(_ bytes: [UInt8], _ place: Range<Int>) {
            for (index, byte) in zip(place, bytes) { block[index] = byte }
        }
        func put(_ number: some BinaryInteger, _ place: Range<Int>) {
            put(TarNumber.octal(UInt64(exactly: number) ?? 0, digits: place.count - 1), place)
        }
        put(name, Place.name)
        put(mode, Place.mode)
        put(uid, Place.uid)
        put(gid, Place.gid)
        put(size, Place.size)
        put(seconds, Place.time)
        block[Place.type] = type.rawValue
        put(linkName, Place.linkName)
        put(Self.posixMagic + [0] + Array("00".utf8), Place.magic)
        put(major, Place.major)
        put(minor, Place.minor)
        put(prefix, Place.prefix)
        let sum = Self.sums(block).unsigned
        put(TarNumber.octal(UInt64(sum), digits: 6) + [0, UInt8(ascii: " ")], Place.checksum)
        return block
    }

    /// - Parameter block: 512 bytes.
    /// - Throws: ``FormatError`` for a wrong checksum, or a number that is none.
    package static func decode(_ block: [UInt8]) throws(FormatError) -> TarHeader {
        guard block.count == blockBytes else { throw FormatError(.truncated, "A header has \(block.count) bytes.") }
        let sums = sums(block)
        let stated = try TarNumber.parse(block[Place.checksum], "checksum")
        guard stated == sums.unsigned || stated == sums.signed else {
            throw FormatError(
                .unknown, "A header has the checksum \(stated), but its bytes add up to \(sums.unsigned).")
        }
        var header = TarHeader(name: text(block[Place.name]), type: TarType(rawValue: block[Place.type]))
        let magic = block[Place.magic]
        header.dialect = magic.elementsEqual(gnuMagic) ? .gnu : magic.starts(with: posixMagic) ? .posix : .unix7
        if header.dialect == .posix {
            let isOfStar = block[Place.trailer].elementsEqual(Array("tar\0".utf8))
            let prefix = text(block[isOfStar ? Place.shortPrefix : Place.prefix])
            if !prefix.isEmpty { header.name = prefix + [47] + header.name }
        }
        header.mode = UInt16(truncatingIfNeeded: try TarNumber.parse(block[Place.mode], "mode")) & Limits.modeMax
        header.uid = try TarNumber.parse(block[Place.uid], "uid")
        header.gid = try TarNumber.parse(block[Place.gid], "gid")
        let size = try TarNumber.parse(block[Place.size], "size")
        guard let size = UInt64(exactly: size) else { throw FormatError(.range, "A header has the size \(size).") }
        header.size = size
        header.seconds = try TarNumber.parse(block[Place.time], "time")
        header.linkName = text(block[Place.linkName])
        if header.type == .characterDevice || header.type == .blockDevice {
            header.major = try TarNumber.parse(block[Place.major], "device number")
            header.minor = try TarNumber.parse(block[Place.minor], "device number")
        }
        return header
    }

    /// What is before the first NUL.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// The bytes added up, the checksum counted as spaces; as signed ones too, which some programs of old did.
    private static func sums(_ block: [UInt8]) -> (unsigned: Int64, signed: Int64) {
        var sums: (unsigned: Int64, signed: Int64) = (0, 0)
        for (index, byte) in block.enumerated() {
            let counted = Place.checksum.contains(index) ? UInt8(ascii: " ") : byte
            sums.unsigned += Int64(counted)
            sums.signed += Int64(Int8(bitPattern: counted))
        }
        return sums
    }
}
