import Foundation
import SnapDigest
import SnapModel
import Testing

/// `Tests/Golden/vectors.json`, as `Tests/Golden/README.md` describes it.
struct Vectors: Decodable {
    struct Varints: Decodable {
        let unsigned: [[String]]
        let zigzag: [[String]]
        let refused: [Bytes]
    }

    /// An expected encoding.
    struct Expected: Decodable {
        let length: Int
        let sha256: String
        let hex: Bytes?

        func check(_ bytes: [UInt8], _ what: String) throws {
            if let hex { #expect(bytes == hex.value, "\(what)") }
            #expect(bytes.count == length, "\(what): length")
            #expect(try digest(bytes).hex == sha256, "\(what): digest")
        }
    }

    struct Chunks: Decodable {
        let name: String
        let cut: UInt8
        let pieces: [Piece]
        let sha256: String
        let sizes: [Int64]
        let segments: String
        let content: Expected
        let lists: [ListNode]
    }

    /// `[length, digest]`
    struct ListNode: Decodable, Hashable {
        let length: Int
        let digest: String

        init(length: Int, digest: String) {
            self.length = length
            self.digest = digest
        }

        init(from decoder: any Decoder) throws {
            var array = try decoder.unkeyedContainer()
            length = try array.decode(Int.self)
            digest = try array.decode(String.self)
        }
    }

    struct List: Decodable {
        let count: Int
        let zeroEvery: Int
        let splits: Bool
        let content: Expected
        let nodes: Int
        let nodesSHA256: String
    }

    struct Directory: Decodable {
        let count: Int
        let splits: Bool
        let paddingAttributes: Int
        let top: String
        let topNode: Expected
        let nodes: Int
        let nodesSHA256: String
    }

    struct EntryContent: Decodable {
        struct Part: Decodable {
            let segment: Segment

            init(from decoder: any Decoder) throws {
                var array = try decoder.unkeyedContainer()
                let size = try array.decode(UInt64.self)
                if try array.decodeNil() {
                    segment = .zeros(size: size)
                } else {
                    let hex = try array.decode(String.self)
                    segment = .data(try #require(Digest(hex: hex)), size: try #require(UInt32(exactly: size)))
                }
            }
        }

        let cut: UInt8
        let length: UInt64
        let inline: Bytes?
        let segments: [Part]?
    }

    struct Attribute: Decodable {
        let name: [UInt8]
        let value: [UInt8]

        init(from decoder: any Decoder) throws {
            var array = try decoder.unkeyedContainer()
            name = try array.decode(Bytes.self).value
            value = build(try array.decode([Piece].self))
        }
    }

    struct NamedEntry: Decodable {
        let title: String
        let name: Bytes
        let type: UInt8
        let mode: UInt16
        let uid: UInt32
        let gid: UInt32
        let seconds: String
        let nanoseconds: UInt32
        let xattrs: [Attribute]
        let content: EntryContent?
        let tree: String?
        let target: Bytes?
        let device: [UInt32]?
        let encoded: Expected
        let root: Expected?
    }

    struct ACL: Decodable {
        let value: Bytes
        let canonical: Bytes
    }

    struct Links: Decodable {
        let length: UInt64
        let list: String
    }

    struct LinkTable: Decodable {
        let title: String
        let stream: Expected
        let links: Links
        let sizes: [Int]
        let lists: [ListNode]
        let count: Int?
        let groups: [[Bytes]]?
    }

    struct JSONObject: Decodable {
        let text: String
        let length: Int
        let sha256: String
    }

    struct PackFrame: Decodable {
        struct Object: Decodable {
            let key: ObjectKey
            let length: UInt32

            init(from decoder: any Decoder) throws {
                var array = try decoder.unkeyedContainer()
                let kind = try array.decode(UInt8.self)
                length = try array.decode(UInt32.self)
                let hex = try array.decode(String.self)
                key = ObjectKey(try #require(ObjectKind(rawValue: kind)), try #require(Digest(hex: hex)))
            }
        }

        let offset: UInt64
        let raw: UInt32
        let check: Bytes
        let objects: [Object]
    }

    struct Export: Decodable {
        let hex: Bytes
        let manifest: String
    }

    struct Pack: Decodable {
        let hex: Bytes
        let frames: [PackFrame]
        let export: Export
    }

    struct Refused: Decodable {
        let kind: String
        let why: String
        let pieces: [Piece]
    }

    let gear: [String]
    let streamSample: Bytes
    let varints: Varints
    let chunks: [Chunks]
    let lists: [List]
    let directories: [Directory]
    let entries: [NamedEntry]
    let acls: [ACL]
    let linkTables: [LinkTable]
    let manifests: [JSONObject]
    let records: [JSONObject]
    let pack: Pack
    let refused: [Refused]

    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden")

    static let all = Result {
        try JSONDecoder().decode(
            Vectors.self, from: try Data(contentsOf: directory.appendingPathComponent("vectors.json")))
    }
}

/// Bytes written as hexadecimal.
struct Bytes: Decodable {
    let value: [UInt8]

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        value = try #require(Hex.decode(text))
    }
}

/// One rule that makes bytes.
enum Piece: Decodable {
    case bytes([UInt8])
    case zeros(Int)
    case repeating([UInt8], Int)
    case random(String, Int)

    init(from decoder: any Decoder) throws {
        var array = try decoder.unkeyedContainer()
        switch try array.decode(String.self) {
        case "hex": self = .bytes(try array.decode(Bytes.self).value)
        case "zeros": self = .zeros(try array.decode(Int.self))
        case "repeat": self = .repeating(try array.decode(Bytes.self).value, try array.decode(Int.self))
        default: self = .random(try array.decode(String.self), try array.decode(Int.self))
        }
    }

    var built: [UInt8] {
        switch self {
        case .bytes(let bytes): bytes
        case .zeros(let count): [UInt8](repeating: 0, count: count)
        case .repeating(let unit, let count): (0..<count).map { unit[$0 % unit.count] }
        case .random(let seed, let count): counterStream(seed, count)
        }
    }
}

func build(_ pieces: [Piece]) -> [UInt8] { pieces.flatMap(\.built) }

/// SHA-256("seed/0"), SHA-256("seed/1"), …
func counterStream(_ seed: String, _ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for index in 0..<(count + 31) / 32 {
        guard let block = try? digest(Array("\(seed)/\(index)".utf8)) else { return [] }
        bytes += Hex.decode(block.hex) ?? []
    }
    return Array(bytes.prefix(count))
}

func digest(_ bytes: [UInt8]) throws -> Digest { try SHA256().digest(bytes) }

/// Objects that a builder emits, and what the vectors say of them.
final class EmittedObjects {
    private(set) var objects: [ObjectKey: [UInt8]] = [:]

    func emit(_ kind: ObjectKind, _ bytes: [UInt8]) throws -> Digest {
        let digest = try digest(bytes)
        objects[ObjectKey(kind, digest)] = bytes
        return digest
    }

    func load(_ key: ObjectKey) throws -> [UInt8] { try #require(objects[key]) }

    func sortedDigests(_ kind: ObjectKind) -> [String] {
        objects.keys.filter { $0.kind == kind }.map(\.digest.hex).sorted()
    }

    func nodesDigest(_ kind: ObjectKind) throws -> String {
        try digest(Array(sortedDigests(kind).joined().utf8)).hex
    }
}
