import Foundation
import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import TestSupport
import Testing

/// Stores of earlier versions, written once by the program of their time: each opens, has every byte that went in, and
/// can be worked with; and stores of later versions are refused, without a change.
@Suite struct StoreTests {
    static let stores = (1...4).map { "format-1-catalogue-\($0)" }

    /// `Tests/Golden/stores/NAME.json`.
    private struct Known: Decodable {
        struct Snapshot: Decodable {
            let digest: String
            let tree: String
        }

        /// Type, mode, seconds, nanoseconds, what it holds, and its attributes.
        struct Row: Decodable, Equatable {
            let type: String
            let mode: UInt16
            let seconds: Int64
            let nanoseconds: UInt32
            /// SHA-256 of a file, target of a link.
            let held: String
            let attributes: [String: String]

            init(
                _ type: String, _ entry: Entry, held: String = "", attributes: [String: String] = [:]
            ) {
                self.type = type
                self.held = held
                self.attributes = attributes
                mode = entry.metadata.mode
                seconds = entry.metadata.modified.seconds
                nanoseconds = entry.metadata.modified.nanoseconds
            }

            init(from decoder: any Decoder) throws {
                var row = try decoder.unkeyedContainer()
                type = try row.decode(String.self)
                mode = try row.decode(UInt16.self)
                seconds = try row.decode(Int64.self)
                nanoseconds = try row.decode(UInt32.self)
                held = try row.decode(String.self)
                attributes = try row.decode([String: String].self)
            }
        }

        let snapshots: [String: Snapshot]
        let trees: [String: [String: Row]]
    }

    private static let directory =
        #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Golden/stores/"

    private let directory = TemporaryDirectory(in: "/dev/shm")
    private var path: String { directory.file("store") }

    /// Unpacks a store. Returns what is known of it.
    private func unpack(_ name: String) throws -> Known {
        let tar = try Command.run(
            "/bin/tar", ["-xf", "\(Self.directory)\(name).tar.gz", "-C", directory.path, "--no-same-owner"])
        try #require(tar.status == 0, "\(tar.errors)")
        let known = try Kernel.readFile("\(Self.directory)\(name).json", limit: 1 << 20)
        return try JSONDecoder().decode(Known.self, from: Data(known))
    }

    @Test(arguments: stores) func aStoreOfAnEarlierVersion(_ name: String) throws {
        let proof = Proof("P16")
        let known = try unpack(name)
        let store = try Store.open(path: path, create: false)
        defer { store.close() }
        var options = FsckOptions()
        options.readData = true
        let before = try store.check(options).problems
        proof.check(before.isEmpty, "\(name): \(before)")
        proof.check(try store.snapshots(org: "local").count == 3, "\(name): other snapshots")
        for (reference, snapshot) in known.snapshots {
            let words = reference.split(separator: ":").map(String.init)
            let found = try store.snapshot(org: "local", name: words[0], tag: words[1])
            proof.check(
                found?.manifest.description == snapshot.digest, "\(name): \(reference) is \(String(describing: found))")
            let expected = try #require(known.trees[snapshot.tree])
            let entries = try tree(of: #require(Digest(snapshot.digest)), store)
            for path in Set(expected.keys).union(entries.keys) {
                proof.note("entries of golden stores")
                proof.check(expected[path] == entries[path], "\(name), \(reference): \(path)")
            }
        }
        // It is a store like any other from now on.
        let session = try store.beginSession(.create, org: "local")
        defer { session.end() }
        let manifest = try #require(known.snapshots["tools:v3"].flatMap { Digest($0.digest) })
        _ = try session.commit(SnapshotDraft(name: "new", tag: "t", manifest: manifest, kind: "filesystem"))
        _ = try store.deleteTag(org: "local", name: "other", tag: "stable")
        var collection = GCOptions()
        collection.graceMilliseconds = 0
        _ = try store.collectGarbage(collection)
        let after = try store.check(options).problems
        proof.check(after.isEmpty, "\(name), worked with: \(after)")
        proof.note("golden stores opened")
        let lost = proof.report("a store of an earlier version opened, read, checked and worked with")
        #expect(lost.isEmpty, "\(lost.prefix(5))")
        #expect(proof.count("entries of golden stores") > 500)
    }

    /// By the hexadecimal digits of their paths.
    private func tree(of manifest: Digest, _ store: Store) throws -> [String: Known.Row] {
        let reader = try store.reader(org: "local")
        let load: ObjectLoader = { try reader.read($0) }
        let hasher = try SHA256()
        let root = try RootNode.decode(
            load(ObjectKey(.tree, Manifest.decode(load(ObjectKey(.manifest, manifest))).root)))
        var rows: [String: Known.Row] = [:]
        var pending: [([UInt8], Entry)] = [([], root)]
        while let (path, entry) = pending.popLast() {
            let attributes = Dictionary(
                uniqueKeysWithValues: try entry.metadata.attributes.map { attribute in
                    let value: [UInt8]
                    switch attribute.value {
                    case .inline(let bytes): value = bytes
                    case .chunk(let digest, _): value = try load(ObjectKey(.chunk, digest))
                    }
                    return (String(decoding: attribute.name, as: UTF8.self), Hex.encode(value))
                })
            let row: Known.Row
            switch entry.node {
            case .directory(let digest):
                row = Known.Row("directory", entry, attributes: attributes)
                var cursor = try TreeCursor(root: digest, load: load)
                while let inner = try cursor.next() {
                    pending.append((path.isEmpty ? inner.name : path + [47] + inner.name, inner))
                }
            case .file(let content):
                let digest = hasher.digest(try bytes(of: content, load))
                row = Known.Row("file", entry, held: Hex.encode(digest.bytes), attributes: attributes)
            case .symbolicLink(let target): row = Known.Row("link", entry, held: Hex.encode(target))
            default: row = Known.Row("fifo", entry, attributes: attributes)
            }
            if !path.isEmpty { rows[Hex.encode(path)] = row }
        }
        return rows
    }

    private func bytes(of content: Content, _ load: @escaping ObjectLoader) throws -> [UInt8] {
        if case .inline(let bytes) = content.body { return bytes }
        var cursor = try SegmentCursor(content, load: load)
        var bytes: [UInt8] = []
        while let segment = try cursor.next() {
            switch segment {
            case .data(let digest, _): bytes += try load(ObjectKey(.chunk, digest))
            case .zeros(let size): bytes += [UInt8](repeating: 0, count: Int(size))
            }
        }
        return bytes
    }

    /// A later format says so in `FORMAT`, a later catalogue in its table of migrations.
    @Test(arguments: stores, ["format", "catalogue"]) func aStoreOfALaterVersion(_ name: String, _ what: String) throws
    {
        let proof = Proof("P16")
        _ = try unpack(name)
        if what == "format" {
            let text = String(decoding: try Kernel.readFile(path + "/FORMAT", limit: 1000), as: UTF8.self)
            try (path + "/FORMAT").write(Array(text.replacing("snapstore 1", with: "snapstore 2").utf8))
        } else {
            let sqlite = try Command.run(
                "/usr/bin/env",
                [
                    "python3", "-c",
                    """
                    import sqlite3, sys
                    database = sqlite3.connect(sys.argv[1])
                    database.execute("INSERT INTO grdb_migrations VALUES ('1000')")
                    database.commit()
                    """, path + "/catalog.sqlite",
                ])
            try #require(sqlite.status == 0, "\(sqlite.errors)")
        }
        let before = try Kernel.readFile(path + "/catalog.sqlite", limit: 1 << 20)
        proof.note("later versions")
        do {
            try Store.open(path: path, create: true).close()
            proof.lose("\(name): a later \(what) is opened")
        } catch {
            proof.check(error.code == .invalid, "\(name), a later \(what): \(error)")
            let advice = error.message + (error.hint ?? "")
            proof.check(advice.contains("newer"), "\(name), a later \(what): \(advice)")
        }
        proof.check(
            try Kernel.readFile(path + "/catalog.sqlite", limit: 1 << 20) == before, "\(name): the catalogue changed")
        let lost = proof.report("a store of a later version refused, and left as it was")
        #expect(lost.isEmpty, "\(lost)")
    }
}
