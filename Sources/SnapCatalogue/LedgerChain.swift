package import SnapDigest

/// The hash chain of a ledger: an edited, lost or moved row breaks every link after it.
package enum LedgerChain {
    /// SHA-256 of: the chain before (32 zero bytes for the first row), then number, stamp and bytes as big-endian
    /// 64-bit integers, the record's length as one byte and its bytes, and the cause in UTF-8.
    package static func next(
        after previous: Digest?, number: Int64, stamp: Int64, bytes: Int64, record: [UInt8], cause: String
    ) throws -> Digest {
        var message = previous?.bytes ?? [UInt8](repeating: 0, count: Digest.byteCount)
        for value in [number, stamp, bytes] {
            withUnsafeBytes(of: value.bigEndian) { message.append(contentsOf: $0) }
        }
        message.append(UInt8(truncatingIfNeeded: record.count))
        message.append(contentsOf: record)
        message.append(contentsOf: cause.utf8)
        return try SHA256().digest(message)
    }

    /// The number of the first row that does not follow from those before it; nil when all do. Rows in order.
    package static func firstBreak(in rows: [LedgerRow]) throws -> Int64? {
        var previous: LedgerRow?
        for row in rows {
            let chain = try next(
                after: previous?.chain, number: row.number, stamp: row.stamp, bytes: row.bytes, record: row.record,
                cause: row.cause)
            let follows = row.number == (previous?.number ?? 0) + 1 && row.stamp >= (previous?.stamp ?? .min)
            guard follows, chain == row.chain else { return row.number }
            previous = row
        }
        return nil
    }
}
