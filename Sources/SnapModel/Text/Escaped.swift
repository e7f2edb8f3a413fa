/// Bytes as text that is safe in messages and on terminals: control characters, direction marks and bytes that are not
/// UTF-8 are written as escapes, so that no name can forge a line or colour of output.
package func escaped(_ bytes: [UInt8]) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
        return bytes.map { (0x20..<0x7f).contains($0) && $0 != 0x5c ? String(UnicodeScalar($0)) : hexEscape($0) }
            .joined()
    }
    var result = ""
    for scalar in text.unicodeScalars {
        if scalar == "\\" {
            result += "\\\\"
        } else if scalar.value < 0x80 {
            result +=
                (0x20..<0x7f).contains(scalar.value)
                ? String(scalar) : hexEscape(UInt8(truncatingIfNeeded: scalar.value))
        } else if scalar.properties.generalCategory.isInvisible {
            result += "\\u{" + String(scalar.value, radix: 16) + "}"
        } else {
            result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// Bytes of unknown length for a message, with an end: a path may be of megabytes.
package func shown(_ bytes: [UInt8]) -> String {
    let most = 300
    return bytes.count <= most ? escaped(bytes) : escaped(Array(bytes.prefix(most))) + "…"
}

private func hexEscape(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return "\\x" + (digits.count == 1 ? "0" : "") + digits
}

extension Unicode.GeneralCategory {
    fileprivate var isInvisible: Bool {
        switch self {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
        default: false
        }
    }
}
