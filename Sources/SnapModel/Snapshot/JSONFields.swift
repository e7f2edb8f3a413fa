internal import SnapDigest

/// Takes the fields of a JSON object one by one, so that what is left over is seen.
struct JSONFields {
    private let subject: String
    private var fields: [String: CanonicalJSON] = [:]

    init(_ json: CanonicalJSON, _ subject: String) throws(FormatError) {
        self.subject = subject
        guard case .object(let members) = json else {
            throw FormatError(.unknown, "The \(subject) is not an object.")
        }
        for member in members { fields[member.key] = member.value }
    }

    func error(_ field: String, _ problem: String) -> FormatError {
        FormatError(.unknown, "The field `\(field)` of a \(subject) \(problem).")
    }

    func has(_ field: String) -> Bool { fields[field] != nil }

    mutating func take(_ field: String) -> CanonicalJSON? { fields.removeValue(forKey: field) }

    mutating func integer(_ field: String) throws(FormatError) -> UInt64 {
        guard case .integer(let value) = take(field) else { throw error(field, "is no integer") }
        return value
    }

    mutating func optionalString(_ field: String) throws(FormatError) -> [UInt8]? {
        guard let value = take(field) else { return nil }
        guard case .string(let bytes) = value else { throw error(field, "is no string") }
        return bytes
    }

    mutating func optionalText(_ field: String) throws(FormatError) -> String? {
        guard let bytes = try optionalString(field) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw error(field, "is not UTF-8") }
        return text
    }

    mutating func text(_ field: String) throws(FormatError) -> String {
        guard let text = try optionalText(field) else { throw error(field, "is missing") }
        return text
    }

    mutating func digest(_ field: String) throws(FormatError) -> Digest {
        guard let digest = Digest(try text(field)) else { throw error(field, "is no digest") }
        return digest
    }

    func strings(_ json: CanonicalJSON, _ field: String) throws(FormatError) -> [[UInt8]] {
        guard case .array(let values) = json, !values.isEmpty else { throw error(field, "is no list") }
        var strings: [[UInt8]] = []
        for value in values {
            guard case .string(let bytes) = value else { throw error(field, "holds something other than strings") }
            strings.append(bytes)
        }
        return strings
    }

    /// Every field must have been taken.
    func end() throws(FormatError) {
        if let field = fields.keys.min() { throw error(escaped(Array(field.utf8)), "is unknown") }
    }
}
