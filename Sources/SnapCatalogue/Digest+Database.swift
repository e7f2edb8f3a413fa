import FoundationEssentials
import GRDB
import SnapDigest
import SnapModel

extension Digest {
    /// The 32 bytes as SQLite keeps them.
    var databaseBlob: Data { withBytes { Data($0) } }
}

extension Row {
    /// What a column holds, NULL only where that is asked for. GRDB's subscripts trap on a value of another type, which a
    /// flipped bit in a page can make: nothing here uses them.
    func get<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ column: String) throws -> Value {
        do { return try decode(Value.self, forColumn: column) } catch { throw damaged(column) }
    }

    /// What the column at an index holds.
    func get<Value: DatabaseValueConvertible & StatementColumnConvertible>(_ index: Int) throws -> Value {
        do { return try decode(Value.self, atIndex: index) } catch { throw damaged(String(index)) }
    }

    /// The digest in a column. A row that holds anything else is damage, never a trap.
    func digest(_ column: String) throws -> Digest {
        guard let digest = Digest(bytes: try get(column) as Data) else { throw damaged(column) }
        return digest
    }

    func bytes(_ column: String) throws -> [UInt8] {
        Array(try get(column) as Data)
    }

    func key() throws -> ObjectKey {
        guard let raw = UInt8(exactly: try get("kind") as Int64), let kind = ObjectKind(rawValue: raw) else {
            throw damaged("kind")
        }
        return ObjectKey(kind, try digest("digest"))
    }

    /// A column that must hold a value which `convert` knows.
    func value<Raw: DatabaseValueConvertible & StatementColumnConvertible, Value>(
        _ column: String, _ convert: (Raw) -> Value?
    ) throws -> Value {
        guard let value = convert(try get(column)) else { throw damaged(column) }
        return value
    }

    func damaged(_ column: String) -> CatalogueError {
        CatalogueError(
            .corrupt, "The catalogue holds a value in the column \(column) that cannot be: run `snapstore fsck`.")
    }
}
