package import SnapModel

/// One `keyword=value` of a pax extended header.
package struct TarPaxRecord: Hashable, Sendable {
    package let keyword: [UInt8]
    package let value: [UInt8]

    package init(_ keyword: [UInt8], _ value: [UInt8]) {
        self.keyword = keyword
        self.value = value
    }

    package init(_ keyword: String, _ value: [UInt8]) {
        self.init(Array(keyword.utf8), value)
    }

    /// Length, keyword and value; the length counts its own digits.
    package func encode() -> [UInt8] {
        let body = [UInt8(ascii: " ")] + keyword + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var digits = 1
        while String(body.count + digits).utf8.count > digits { digits += 1 }
        return Array(String(body.count + digits).utf8) + body
    }

    /// The records of an extended header's data.
    ///
    /// - Throws: ``FormatError`` when a length is none, or not that of a record.
    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> [TarPaxRecord] {
        var records: [TarPaxRecord] = []
        var rest = bytes[...]
        // Some programs fill the block with zero bytes.
        while let first = rest.first, first != 0 {
            let record = try next(&rest)
            records.append(record)
        }
        return records
    }

    private static func next(_ rest: inout ArraySlice<UInt8>) throws(FormatError) -> TarPaxRecord {
        let digits = rest.prefix(20).prefix { $0 != UInt8(ascii: " ") }
        guard let length = TarNumber.decimal(digits), let length = Int(exactly: length), length > digits.count + 1,
            length <= rest.count
        else {
            throw FormatError(.range, "A pax record has the length \(escaped(Array(digits))), which cannot be right.")
        }
        let record = rest.prefix(length)
        guard record.last == UInt8(ascii: "\n") else {
            throw FormatError(.range, "A pax record of length \(length) does not end where it says.")
        }
        let body = record.dropFirst(digits.count + 1).dropLast()
        guard let equals = body.firstIndex(of: UInt8(ascii: "=")), equals > body.startIndex else {
            throw FormatError(.range, "A pax record has no keyword.")
        }
        rest = rest.dropFirst(length)
        return TarPaxRecord(Array(body[..<equals]), Array(body[(equals + 1)...]))
    }
}

/// The names of extended attributes in pax keywords: `=` would end the keyword, so GNU tar writes it as `%3D`, and `%` as
/// `%25`; libarchive writes more bytes so.
package enum TarAttributeKeyword {
    package static let prefix = Array("SCHILY.xattr.".utf8)

    package static func encode(_ name: [UInt8]) -> [UInt8] {
        prefix
            + name.flatMap { byte -> [UInt8] in
                switch byte {
                case UInt8(ascii: "="): Array("%3D".utf8)
                case UInt8(ascii: "%"): Array("%25".utf8)
                default: [byte]
                }
            }
    }

    /// The name in a keyword; nil when it is none of an attribute.
    package static func decode(_ keyword: [UInt8]) -> [UInt8]? {
        guard keyword.starts(with: prefix) else { return nil }
        var name: [UInt8] = []
        var rest = keyword.dropFirst(prefix.count)
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, rest.prefix(2).allSatisfy(Self.isHexadecimal),
                let escaped = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                name.append(escaped)
                rest = rest.dropFirst(2)
            } else {
                name.append(byte)
            }
        }
        return name
    }
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
