internal import SnapDigest

/// The text of a store's `FORMAT` file: version, identity and chunker profile.
struct StoreFormat: Hashable, Sendable {
    static let chunkerProfile = "fastcdc-1"
    private static let version = "snapstore 1"

    /// 32 hexadecimal digits, random.
    let storeID: String

    init() {
        storeID = RecordID().description
    }

    /// Of a store that is made from a copy.
    init(storeID: String) {
        self.storeID = storeID
    }

    /// - Throws: ``StoreError/Code/invalid`` for another version or profile, ``StoreError/Code/corrupt`` for anything
    ///   that is not such a file.
    init(parsing bytes: [UInt8], path: String) throws(StoreError) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first?.hasPrefix("snapstore ") == true else {
            throw StoreError(
                .corrupt, "\(path) is not the FORMAT file of a store.", hint: "Check the path of the store.")
        }
        guard lines[0] == Self.version else {
            throw StoreError(
                .invalid, "The store has the format `\(lines[0])`; this program reads `\(Self.version)`.",
                hint: "Use a newer snapstore.")
        }
        guard lines.count == 4, lines[3].isEmpty, lines[1].hasPrefix("store "),
            Hex.decode(lines[1].dropFirst(6))?.count == 16
        else {
            throw StoreError(.corrupt, "\(path) is damaged.", hint: "Restore it from a copy of the store.")
        }
        guard lines[2] == "chunker \(Self.chunkerProfile)" else {
            throw StoreError(
                .invalid, "The store was cut with the profile `\(lines[2])`, which this program does not know.",
                hint: "Use a newer snapstore.")
        }
        storeID = String(lines[1].dropFirst(6))
    }

    var bytes: [UInt8] {
        Array("\(Self.version)\nstore \(storeID)\nchunker \(Self.chunkerProfile)\n".utf8)
    }
}
