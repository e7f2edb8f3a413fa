/// The encodings of `docs/format.md` section 1, written once more so that expectations do not rest on the product.
package enum Naive {
    package static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes): (UInt64, [UInt8]) = (value, [])
        repeat {
            bytes.append(UInt8(rest % 128) + (rest >= 128 ? 128 : 0))
            rest /= 128
        } while rest > 0
        return bytes
    }

    package static func string(_ bytes: [UInt8]) -> [UInt8] { varint(UInt64(bytes.count)) + bytes }
}
