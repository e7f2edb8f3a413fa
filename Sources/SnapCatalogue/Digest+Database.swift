import FoundationEssentials
import GRDB
import SnapDigest
import SnapModel

extension Digest {
    /// The 32 bytes as SQLite keeps them.
    var databaseBlob: Data { withBytes { Data($0) } }
}

extension Row {
    /// The value in a column. GRDB's own subscripts trap on a NULL, a missing column or a value of another type; in a
    /// damaged file `STRICT` holds none of these off, and damage must be an error.
    func get<Value: DatabaseValueConvertible>(_ column: String) throws -> Value {
        guard let value = Value.fromDatabaseValue(try stored(column)) else { throw damaged(column) }
        return value
    }

    /// Like ``get(_:)``, for columns that may hold nothing.
    func optional<Value: DatabaseValueConvertible>(_ column: String) throws -> Value? {
        let raw = try stored(column)
        guard !raw.isNull else { return nil }
        guard let value = Value.fromDatabaseValue(raw) else { throw damaged(column) }
        return value
    }

    /// A number of things, or of bytes, of one row: so far below 2^63 that no sum of rows overflows.
    func amount(_ column: String) throws -> Int64 {
        let value: Int64 = try get(column)
        guard Self.amounts.contains(value) else { throw damaged(column) }
        return value
    }

    /// Like ``amount(_:)``, where changes are added up and damage may have left less than nothing.
    func balance(_ column: String) throws -> Int64 {
        let value: Int64 = try get(column)
        guard value.magnitude <= UInt64(Self.amounts.upperBound) else { throw damaged(column) }
        return value
    }

    static let amounts: ClosedRange<Int64> = 0...(1 << 56)

    /// Names are compared as they are: GRDB's own search makes lower case of every name that it passes.
    private func stored(_ column: String) throws -> DatabaseValue {
        for (place, name) in columnNames.enumerated() where name == column { return self[place] }
        throw damaged(column)
    }

    /// The digest in a column. A row that holds anything else is damage, never a trap.
    func digest(_ column: String) throws -> Digest {
        guard let digest = Digest(bytes: try get(column) as Data) else { throw damaged(column) }
        return digest
    }

    func bytes(_ column: String) throws -> [UInt8] {
        Array(try get(column) as Data)
    }

    func key(_ kind: String = "kind", _ digest: String = "digest") throws -> ObjectKey {
        ObjectKey(
            try value(kind) { (raw: Int64) in UInt8(exactly: raw).flatMap { ObjectKind(rawValue: $0) } },
            try self.digest(digest))
    }

    /// A column that must hold a value which `convert` knows.
    func value<Raw: DatabaseValueConvertible, Value>(_ column: String, _ convert: (Raw) -> Value?) throws
        -> Value
    {
        guard let value = convert(try get(column)) else { throw damaged(column) }
        return value
    }

    func damaged(_ column: String) -> CatalogueError { damagedColumn(column) }
}

func damagedColumn(_ name: String) -> CatalogueError {
    CatalogueError(
        .corrupt, "The catalogue holds a value in the column \(name) that cannot be: run `snapstore fsck`.")
}
