/// Canonical JSON (`docs/format.md` section 7): one text for one value.
package indirect enum CanonicalJSON: Hashable, Sendable {
    case integer(UInt64)
    case string([UInt8])
    case array([CanonicalJSON])
    /// Keys in ASCII order, each once.
    case object([Member])

    package struct Member: Hashable, Sendable {
        package let key: String
        package let value: CanonicalJSON

        package init(_ key: String, _ value: CanonicalJSON) {
            self.key = key
            self.value = value
        }
    }

    package static func text(_ text: String) -> CanonicalJSON { .string(Array(text.utf8)) }

    /// An object without the members that have nothing to say.
    package static func members(_ members: [(String, CanonicalJSON?)]) -> CanonicalJSON {
        .object(
            members.compactMap { key, value in value.map { Member(key, $0) } }
                .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
    }

    /// - Throws: ``FormatError/Code/range`` for an integer over 2^53.
    package func encode() throws(FormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        try append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) throws(FormatError) {
        switch self {
        case .integer(let value):
            guard value <= Limits.jsonIntegerMax else {
                throw FormatError(.range, "The integer \(value) is over 2^53.")
            }
            bytes += Array(String(value).utf8)
        case .string(let value):
            if String(validating: value, as: UTF8.self) == nil {
                bytes += Array("{\"b64\":\"".utf8) + Base64.encode(value) + Array("\"}".utf8)
            } else {
                CanonicalJSON.append(string: value, to: &bytes)
            }
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                try value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                CanonicalJSON.append(string: Array(member.key.utf8), to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                try member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func append(string: [UInt8], to bytes: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in string {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20: bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Reads a text, and refuses any that ``encode()`` would not write.
    package static func decode(_ bytes: [UInt8], _ subject: String) throws(FormatError) -> CanonicalJSON {
        var parser = CanonicalJSONParser(bytes, subject)
        let value = try parser.value(depth: 0)
        try parser.end()
        // What the parser lets pass but the writer would not write: unsorted keys, other escapes, needless base64.
        guard try value.encode() == bytes else {
            throw FormatError(.notCanonical, "A \(subject) is not in canonical form.")
        }
        return value
    }
}
