import FoundationEssentials
import GRDB
import SnapDigest
import SnapModel

extension Digest {
    /// The 32 bytes as SQLite keeps them.
    var databaseBlob: Data { withBytes { Data($0) } }
}

extension Row {
    /// The digest in a column. A row that holds anything else is damage, never a trap.
    func digest(_ column: String) throws -> Digest {
        guard let data = self[column] as Data?, let digest = Digest(bytes: data) else { throw damaged(column) }
        return digest
    }

    func bytes(_ column: String) throws -> [UInt8] {
        guard let data = self[column] as Data? else { throw damaged(column) }
        return Array(data)
    }

    func key() throws -> ObjectKey {
        guard let raw = UInt8(exactly: self["kind"] as Int64), let kind = ObjectKind(rawValue: raw) else {
            throw damaged("kind")
        }
        return ObjectKey(kind, try digest("digest"))
    }

    /// A column that must hold a value which `convert` knows.
    func value<Raw: DatabaseValueConvertible, Value>(_ column: String, _ convert: (Raw) -> Value?) throws -> Value {
        guard let raw = Raw.fromDatabaseValue(self[column]), let value = convert(raw) else { throw damaged(column) }
        return value
    }

    func damaged(_ column: String) -> CatalogueError {
        CatalogueError(
            .corrupt, "The catalogue holds a value in the column \(column) that cannot be: run `snapstore fsck`.")
    }
}
