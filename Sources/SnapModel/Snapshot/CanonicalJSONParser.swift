/// Reads just the JSON that ``CanonicalJSON`` writes; depth and memory are bounded by the limits and the bytes there.
struct CanonicalJSONParser {
    private let bytes: [UInt8]
    private let subject: String
    private var position = 0

    init(_ bytes: [UInt8], _ subject: String) {
        self.bytes = bytes
        self.subject = subject
    }

    private func error(_ code: FormatError.Code, _ message: String) -> FormatError {
        FormatError(code, "A \(subject) \(message) (at byte \(position)).")
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ expected: Character) throws(FormatError) {
        guard let next else { throw error(.truncated, "ends too early") }
        guard let value = expected.asciiValue, next == value else { throw error(.unknown, "has no `\(expected)`") }
        position += 1
    }

    func end() throws(FormatError) {
        guard position == bytes.count else { throw error(.trailingBytes, "is followed by more") }
    }

    mutating func value(depth: Int) throws(FormatError) -> CanonicalJSON {
        guard depth <= Limits.jsonDepthMax else { throw error(.limit, "is nested too deep") }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .integer(try integer())
        case nil: throw error(.truncated, "ends too early")
        default: throw error(.unknown, "has a value of no known type")
        }
    }

    private mutating func integer() throws(FormatError) -> UInt64 {
        var value: UInt64 = 0
        var digits = 0
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            digits += 1
            guard digits <= 16 else { throw error(.range, "has an integer over 2^53") }
            value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
            position += 1
        }
        guard value <= Limits.jsonIntegerMax else { throw error(.range, "has an integer over 2^53") }
        return value
    }

    private mutating func string() throws(FormatError) -> [UInt8] {
        try take("\"")
        var value: [UInt8] = []
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard String(validating: value, as: UTF8.self) != nil else {
                    throw error(.notCanonical, "has a string that is not UTF-8")
                }
                return value
            case UInt8(ascii: "\\"): value.append(try escape())
            case 0..<0x20: throw error(.notCanonical, "has a control character in a string")
            default: value.append(byte)
            }
        }
        throw error(.truncated, "ends within a string")
    }

    private mutating func escape() throws(FormatError) -> UInt8 {
        guard let byte = next else { throw error(.truncated, "ends within a string") }
        position += 1
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return byte }
        guard byte == UInt8(ascii: "u"), bytes.count - position >= 4, bytes[position] == 48, bytes[position + 1] == 48
        else { throw error(.notCanonical, "has an escape that is never written") }
        var value: UInt8 = 0
        for digit in bytes[(position + 2)..<(position + 4)] {
            switch digit {
            case 48...57: value = value &* 16 &+ (digit - 48)
            case 97...102: value = value &* 16 &+ (digit - 87)
            default: throw error(.notCanonical, "has an escape that is never written")
            }
        }
        position += 4
        guard value < 0x20 else { throw error(.notCanonical, "has an escape that is never written") }
        return value
    }

    private mutating func array(depth: Int) throws(FormatError) -> CanonicalJSON {
        try take("[")
        var values: [CanonicalJSON] = []
        if next == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            values.append(try value(depth: depth + 1))
            if next == UInt8(ascii: ",") {
                position += 1
            } else {
                try take("]")
                return .array(values)
            }
        }
    }

    private mutating func object(depth: Int) throws(FormatError) -> CanonicalJSON {
        try take("{")
        var members: [CanonicalJSON.Member] = []
        if next == UInt8(ascii: "}") {
            position += 1
            return .object([])
        }
        while true {
            let key = try string()
            guard key.allSatisfy({ $0 < 0x80 }) else { throw error(.unknown, "has a key that is not ASCII") }
            if let last = members.last, !last.key.utf8.lexicographicallyPrecedes(key) {
                throw error(.order, "has keys out of order")
            }
            try take(":")
            members.append(CanonicalJSON.Member(String(decoding: key, as: UTF8.self), try value(depth: depth + 1)))
            if next == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try take("}")
            return try CanonicalJSONParser.unwrapBytes(members) ?? .object(members)
        }
    }

    /// `{"b64":"…"}` stands for a string of bytes that are not UTF-8.
    private static func unwrapBytes(_ members: [CanonicalJSON.Member]) throws(FormatError) -> CanonicalJSON? {
        guard members.count == 1, members[0].key == "b64", case .string(let text) = members[0].value else { return nil }
        guard let bytes = Base64.decode(text) else { throw FormatError(.unknown, "Base64 text is malformed.") }
        return .string(bytes)
    }
}
