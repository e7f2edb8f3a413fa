package import SnapModel

/// Numbers in tar: octal and base-256 fields of headers, decimal ones of pax records.
package enum TarNumber {
    /// Octal digits with zeros before them, and no end mark.
    static func octal(_ value: UInt64, digits: Int) -> [UInt8] {
        var text = [UInt8](repeating: UInt8(ascii: "0"), count: digits)
        var rest = value
        for index in text.indices.reversed() {
            text[index] += UInt8(truncatingIfNeeded: rest & 7)
            rest >>= 3
        }
        // What does not fit is nothing: pax records say it.
        return rest == 0 ? text : [UInt8](repeating: UInt8(ascii: "0"), count: digits)
    }

    /// A field of a header: octal digits between spaces, or with its first bit set base 256. A blank one is 0.
    package static func parse(_ field: ArraySlice<UInt8>, _ name: String) throws(FormatError) -> Int64 {
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 { return try base256(field, name) }
        var value: Int64 = 0
        let digits = field.drop { $0 == UInt8(ascii: " ") || $0 == 0 }
        for byte in digits.prefix(while: { $0 != UInt8(ascii: " ") && $0 != 0 }) {
            guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) else {
                throw FormatError(
                    .range, "A header has the \(name) \(escaped(Array(field))), which is no octal number.")
            }
            // At most 12 digits: 36 bits.
            value = value << 3 | Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    /// Big-endian in two's complement, of which the first bit is the mark.
    private static func base256(_ field: ArraySlice<UInt8>, _ name: String) throws(FormatError) -> Int64 {
        let isNegative = (field.first ?? 0) & 0x40 != 0
        let flip: UInt8 = isNegative ? 0xff : 0
        var value: UInt64 = 0
        for (index, byte) in field.enumerated() {
            guard value >> 56 == 0 else { throw FormatError(.range, "A header has a \(name) of over 63 bits.") }
            let bits = (byte ^ flip) & (index == 0 ? 0x7f : 0xff)
            value = value << 8 | UInt64(bits)
        }
        guard let positive = Int64(exactly: value) else {
            throw FormatError(.range, "A header has a \(name) of over 63 bits.")
        }
        return isNegative ? ~positive : positive
    }

    /// Decimal digits and nothing else; nil for anything else, and over 64 bits.
    package static func decimal(_ text: some Collection<UInt8>) -> UInt64? {
        guard !text.isEmpty, text.count <= 20 else { return nil }
        var value: UInt64 = 0
        for byte in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}

/// Times of pax records: decimal seconds since 1970 with a fraction.
package enum TarTime {
    package static func text(_ time: Timestamp) -> [UInt8] {
        var (seconds, nanoseconds) = (time.seconds, time.nanoseconds)
        // As written the fraction counts away from zero; before 1970 ours counts up.
        if seconds < 0, nanoseconds > 0 {
            seconds += 1
            nanoseconds = 1_000_000_000 - nanoseconds
        }
        var text = Array((time.seconds < 0 ? "-" : "").utf8) + Array(String(seconds.magnitude).utf8)
        if nanoseconds > 0 {
            let digits = Array(String(nanoseconds).utf8)
            text += [UInt8(ascii: ".")] + [UInt8](repeating: UInt8(ascii: "0"), count: 9 - digits.count) + digits
            while text.last == UInt8(ascii: "0") { text.removeLast() }
        }
        return text
    }

    /// Digits beyond nanoseconds round to the past, as the kernel does; nil for what is no time.
    package static func parse(_ text: [UInt8]) -> Timestamp? {
        let isNegative = text.first == UInt8(ascii: "-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = TarNumber.decimal(parts[0]), let whole = Int64(exactly: whole) else { return nil }
        var nanoseconds: Int64 = 0
        if parts.count == 2 {
            let digits = Array(parts[1])
            guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
            for index in 0..<9 {
                nanoseconds = nanoseconds * 10 + (index < digits.count ? Int64(digits[index] - UInt8(ascii: "0")) : 0)
            }
            if isNegative, digits.dropFirst(9).contains(where: { $0 != UInt8(ascii: "0") }) { nanoseconds += 1 }
        }
        guard isNegative else { return Timestamp(seconds: whole, nanoseconds: UInt32(nanoseconds)) }
        guard nanoseconds > 0 else { return Timestamp(seconds: -whole, nanoseconds: 0) }
        let (seconds, overflow) = (-whole).subtractingReportingOverflow(1)
        return overflow ? nil : Timestamp(seconds: seconds, nanoseconds: UInt32(1_000_000_000 - nanoseconds))
    }
}
