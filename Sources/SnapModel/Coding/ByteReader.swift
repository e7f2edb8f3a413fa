package import SnapDigest

/// Reads the encodings of `docs/format.md` section 1 from bytes that may hold anything.
///
/// Nothing is allocated for a length before as many bytes are known to be there.
package struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0
    /// What is being read, for messages.
    private let subject: String

    /// - Parameter start: Where to begin; the bytes are shared, not copied.
    package init(_ bytes: [UInt8], _ subject: String, from start: Int = 0) {
        self.bytes = bytes
        self.subject = subject
        position = min(max(0, start), bytes.count)
    }

    package var remaining: Int { bytes.count - position }
    package var offset: Int { position }

    package func error(_ code: FormatError.Code, _ message: String) -> FormatError {
        FormatError(code, "A \(subject) \(message) (at byte \(position)).")
    }

    package mutating func byte() throws(FormatError) -> UInt8 {
        guard position < bytes.count else { throw error(.truncated, "ends too early") }
        defer { position += 1 }
        return bytes[position]
    }

    package mutating func varint() throws(FormatError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            let group = UInt64(next & 0x7f)
            guard shift < 63 || group <= 1 else { throw error(.range, "holds an integer over 64 bits") }
            value |= group << shift
            if next & 0x80 == 0 {
                guard group != 0 || shift == 0 else { throw error(.notCanonical, "holds an over-long integer") }
                return value
            }
            shift += 7
            guard shift <= 63 else { throw error(.range, "holds an integer over 64 bits") }
        }
    }

    /// An integer that must not be over `max`; `name` says which.
    package mutating func varint(max: UInt64, _ name: String) throws(FormatError) -> UInt64 {
        let value = try varint()
        guard value <= max else { throw error(.range, "has \(name) \(value), over \(max)") }
        return value
    }

    /// A number of things that take at least `bytesEach` bytes each.
    package mutating func count(max: Int, bytesEach: Int, _ name: String) throws(FormatError) -> Int {
        let value = Int(try varint(max: UInt64(max), name))
        guard value <= remaining / bytesEach else { throw error(.truncated, "promises more \(name) than it holds") }
        return value
    }

    package mutating func zigzag() throws(FormatError) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    package mutating func raw(_ count: Int) throws(FormatError) -> [UInt8] {
        guard count >= 0, count <= remaining else { throw error(.truncated, "ends too early") }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    /// A length within bounds, and that many bytes.
    package mutating func lengthAndBytes(in range: ClosedRange<Int>, _ name: String) throws(FormatError) -> [UInt8] {
        let length = Int(try varint(max: UInt64(range.upperBound), "\(name) of length"))
        guard length >= range.lowerBound else { throw error(.range, "has an empty \(name)") }
        return try raw(length)
    }

    package mutating func digest() throws(FormatError) -> Digest {
        guard remaining >= Digest.byteCount, let digest = Digest(bytes: bytes[position..<(position + Digest.byteCount)])
        else { throw error(.truncated, "ends too early") }
        position += Digest.byteCount
        return digest
    }

    package mutating func fixed<Value: FixedWidthInteger>(_ type: Value.Type) throws(FormatError) -> Value {
        var value: Value = 0
        for byte in try raw(MemoryLayout<Value>.size).reversed() {
            value = value << 8 | Value(truncatingIfNeeded: byte)
        }
        return value
    }

    /// Nothing may follow.
    package func end() throws(FormatError) {
        guard remaining == 0 else { throw error(.trailingBytes, "is followed by \(remaining) bytes too many") }
    }
}
