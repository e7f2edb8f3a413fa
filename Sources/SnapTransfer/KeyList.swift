package import SnapModel
internal import SnapDigest

/// Which objects are asked about: keys in ascending order, each once, 33 bytes each (kind and digest).
///
/// Sorted, so that a catalogue is asked in the order of its pages, and so that there is one encoding.
package struct KeyList: Sendable, Hashable {
    /// Keys of one question.
    package static let countMax = 8192
    /// Keys of one request for a bundle: so many that few frames are wanted in part by several requests.
    package static let bundleCountMax = 1 << 16
    package static let keyBytes = 1 + Digest.byteCount
    package static let bytesMax = countMax * keyBytes
    package static let bundleBytesMax = bundleCountMax * keyBytes

    package let keys: [ObjectKey]

    /// - Parameter keys: Distinct ones, in any order; at most ``countMax``, or ``bundleCountMax``.
    package init(_ keys: some Sequence<ObjectKey>) {
        self.keys = keys.sorted()
    }

    package func encode() -> [UInt8] {
        var writer = ByteWriter()
        for key in keys {
            writer.byte(key.kind.rawValue)
            writer.digest(key.digest)
        }
        return writer.bytes
    }

    /// - Throws: ``FormatError`` for anything but an encoding of 1 … `countMax` keys; records cannot be asked about.
    package static func decode(_ bytes: [UInt8], countMax: Int = countMax) throws(FormatError) -> KeyList {
        var reader = ByteReader(bytes, "list of objects")
        guard !bytes.isEmpty, bytes.count.isMultiple(of: keyBytes), bytes.count <= countMax * keyBytes else {
            throw reader.error(.range, "has \(bytes.count) bytes, not 1 to \(countMax) times \(keyBytes)")
        }
        var keys: [ObjectKey] = []
        keys.reserveCapacity(bytes.count / keyBytes)
        while reader.remaining > 0 {
            guard let kind = ObjectKind(rawValue: try reader.byte()), kind != .record else {
                throw reader.error(.unknown, "has an object of a kind that is not transferred")
            }
            let key = ObjectKey(kind, try reader.digest())
            if let last = keys.last, last >= key { throw reader.error(.order, "is not in ascending order") }
            keys.append(key)
        }
        return KeyList(sorted: keys)
    }

    private init(sorted: [ObjectKey]) { keys = sorted }
}

/// Which of the keys of a ``KeyList`` are missing: a bit each, the least significant of the first byte for the first.
package struct MissingBits: Sendable, Hashable {
    package let flags: [Bool]

    package init(_ flags: [Bool]) { self.flags = flags }

    package static func byteCount(of count: Int) -> Int { (count + 7) / 8 }

    package func encode() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.byteCount(of: flags.count))
        for (index, isSet) in flags.enumerated() where isSet { bytes[index / 8] |= 1 << UInt8(index % 8) }
        return bytes
    }

    /// - Parameter count: How many keys were asked about.
    /// - Throws: ``FormatError`` for another number of bytes, or bits behind the last key.
    package static func decode(_ bytes: [UInt8], count: Int) throws(FormatError) -> MissingBits {
        let reader = ByteReader(bytes, "answer of missing objects")
        guard bytes.count == byteCount(of: count) else {
            throw reader.error(.range, "has \(bytes.count) bytes for \(count) objects")
        }
        if count % 8 != 0, let last = bytes.last, last >> UInt8(count % 8) != 0 {
            throw reader.error(.notCanonical, "has bits for objects that nobody asked about")
        }
        return MissingBits((0..<count).map { bytes[$0 / 8] >> UInt8($0 % 8) & 1 == 1 })
    }
}
