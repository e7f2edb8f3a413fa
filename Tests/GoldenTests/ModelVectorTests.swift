import SnapDigest
import SnapModel
import Testing

/// The model's codecs against bytes that no Swift code wrote.
@Suite struct ModelVectorTests {
    let vectors: Vectors

    init() throws { vectors = try Vectors.all.get() }

    @Test func streamRuleIsTheSame() {
        #expect(counterStream("a", 65) == vectors.streamSample.value)
    }

    @Test func varints() throws {
        for row in vectors.varints.unsigned {
            let value = try #require(UInt64(row[0]))
            var writer = ByteWriter()
            writer.varint(value)
            #expect(Hex.encode(writer.bytes) == row[1])
            var reader = ByteReader(writer.bytes, "vector")
            #expect(try reader.varint() == value)
            try reader.end()
        }
        for row in vectors.varints.zigzag {
            let value = try #require(Int64(row[0]))
            var writer = ByteWriter()
            writer.zigzag(value)
            #expect(Hex.encode(writer.bytes) == row[1])
            var reader = ByteReader(writer.bytes, "vector")
            #expect(try reader.zigzag() == value)
        }
        for bytes in vectors.varints.refused {
            #expect(throws: FormatError.self, "\(Hex.encode(bytes.value))") {
                var reader = ByteReader(bytes.value, "vector")
                _ = try reader.varint()
                try reader.end()
            }
        }
    }

    @Test func entriesOfEachType() throws {
        for vector in vectors.entries {
            let entry = try vector.entry()
            if let root = vector.root {
                let bytes = try RootNode.encode(entry)
                try root.check(bytes, vector.title)
                #expect(try RootNode.decode(bytes) == entry, "\(vector.title)")
            } else {
                let bytes = try entry.encoded()
                try vector.encoded.check(bytes, vector.title)
                var reader = ByteReader(bytes, "entry")
                #expect(try Entry.decode(from: &reader, isRoot: false) == entry, "\(vector.title)")
                try reader.end()
            }
        }
    }

    @Test func accessControlLists() {
        for acl in vectors.acls {
            #expect(PosixACL.canonical(acl.value.value) == acl.canonical.value)
            #expect(PosixACL.canonical(acl.canonical.value) == acl.canonical.value)
        }
    }

    @Test func directoriesSplit() throws {
        for vector in vectors.directories {
            let what: Comment = "\(vector.count) entries, splits \(vector.splits), padding \(vector.paddingAttributes)"
            let objects = EmittedObjects()
            var builder = TreeBuilder(emit: objects.emit)
            let entries = try ruleEntries(vector)
            for entry in entries { try builder.append(entry) }
            let top = try builder.finish()
            #expect(top.hex == vector.top, what)
            #expect(objects.objects.count == vector.nodes, what)
            #expect(try objects.nodesDigest(.tree) == vector.nodesSHA256, what)
            try vector.topNode.check(try objects.load(ObjectKey(.tree, top)), "\(what)")
            var cursor = try TreeCursor(root: top, load: objects.load)
            for entry in entries { #expect(try cursor.next() == entry, what) }
            #expect(try cursor.next() == nil, what)
        }
    }

    /// Names by rule, see the README of the vectors.
    func ruleEntries(_ vector: Vectors.Directory) throws -> [Entry] {
        let padding = [UInt8](repeating: UInt8(ascii: "x"), count: 1024)
        let attributes = (0..<vector.paddingAttributes).map {
            ExtendedAttribute(name: Array("user.pad\($0)".utf8), value: .inline(padding))
        }
        var entries: [Entry] = []
        var number = 0
        while entries.count < vector.count {
            let digits = String(number)
            let name = Array(("f" + String(repeating: "0", count: 8 - digits.count) + digits).utf8)
            number += 1
            guard try vector.splits || digest(name).tail & 127 != 0 else { continue }
            let content = Array(String(entries.count).utf8)
            let time = Timestamp(seconds: 1_700_000_000, nanoseconds: UInt32(entries.count))
            entries.append(
                Entry(
                    name: name,
                    metadata: Metadata(mode: 0o644, uid: 0, gid: 0, modified: time, attributes: attributes),
                    node: .file(Content(cut: .contentDefined, length: UInt64(content.count), body: .inline(content)))))
        }
        return entries
    }

    @Test func chunkListsSplit() throws {
        for vector in vectors.lists {
            let what: Comment = "\(vector.count) segments, zeros \(vector.zeroEvery), splits \(vector.splits)"
            let objects = EmittedObjects()
            var builder = ListBuilder(cut: .contentDefined, emit: objects.emit)
            let segments = try ruleSegments(vector)
            for segment in segments { try builder.append(segment) }
            let content = try builder.finish()
            var writer = ByteWriter()
            content.encode(to: &writer)
            try vector.content.check(writer.bytes, "\(what)")
            #expect(objects.objects.count == vector.nodes, what)
            #expect(try objects.nodesDigest(.list) == vector.nodesSHA256, what)
            var cursor = try SegmentCursor(content, load: objects.load)
            for segment in segments { #expect(try cursor.next() == segment, what) }
            #expect(try cursor.next() == nil, what)
        }
    }

    func ruleSegments(_ vector: Vectors.List) throws -> [Segment] {
        try (0..<vector.count).map { index in
            if vector.zeroEvery > 0, index % vector.zeroEvery == vector.zeroEvery - 1 { return .zeros(size: 65536) }
            var attempt = 0
            var digest = try digest(Array("segment/\(index)/0".utf8))
            while !vector.splits, digest.tail & 255 == 0 {
                attempt += 1
                digest = try SHA256().digest(Array("segment/\(index)/\(attempt)".utf8))
            }
            return .data(digest, size: UInt32(index % 1000 + 1))
        }
    }

    @Test func linkTables() throws {
        for vector in vectors.linkTables {
            let groups = try vector.sortedGroups()
            let stream = try groups.flatMap { try LinkGroup(paths: $0).encode() }
            try vector.stream.check(stream, vector.title)
            var reader = LinkTableReader()
            for start in stride(from: 0, to: stream.count, by: 1000) {
                reader.append(Array(stream[start..<min(start + 1000, stream.count)]))
            }
            for group in groups { #expect(try reader.next()?.paths == group) }
            #expect(try reader.next() == nil)
            try reader.end()
        }
    }

    @Test func manifestsAndRecords() throws {
        for vector in vectors.manifests {
            let bytes = Array(vector.text.utf8)
            #expect(try digest(bytes).hex == vector.sha256)
            #expect(try Manifest.decode(bytes).encode() == bytes, "\(vector.text)")
        }
        for vector in vectors.records {
            let bytes = Array(vector.text.utf8)
            #expect(try digest(bytes).hex == vector.sha256)
            #expect(try RecordObject.decode(bytes).encode() == bytes, "\(vector.text)")
        }
    }
}

extension Vectors.LinkTable {
    /// The groups in the order of the table.
    func sortedGroups() throws -> [[[UInt8]]] {
        let unsorted: [[[UInt8]]]
        if let groups {
            unsorted = groups.map { $0.map(\.value) }
        } else {
            unsorted = try (0..<#require(count)).map { index in
                let digits = String(index)
                let directory = "g" + String(repeating: "0", count: 5 - digits.count) + digits
                return [Array("\(directory)/a".utf8), Array("\(directory)/b".utf8)]
            }
        }
        let sorted = unsorted.map { $0.sorted { $0.lexicographicallyPrecedes($1) } }
        return sorted.sorted { $0[0].lexicographicallyPrecedes($1[0]) }
    }
}

extension Vectors.NamedEntry {
    func entry() throws -> Entry {
        let attributes = try xattrs.sorted { $0.name.lexicographicallyPrecedes($1.name) }.map { attribute in
            let value = PosixACL.isACL(attribute.name) ? PosixACL.canonical(attribute.value) : attribute.value
            return ExtendedAttribute(
                name: attribute.name,
                value: value.count <= Limits.attributeInlineBytesMax
                    ? .inline(value) : .chunk(try digest(value), size: UInt32(value.count)))
        }
        let time = Timestamp(seconds: try #require(Int64(seconds)), nanoseconds: nanoseconds)
        return Entry(
            name: name.value,
            metadata: Metadata(mode: mode, uid: uid, gid: gid, modified: time, attributes: attributes),
            node: try node())
    }

    private func node() throws -> Node {
        switch type {
        case 1: return .file(try #require(content).content(title))
        case 2: return .directory(try #require(Digest(hex: tree ?? "")))
        case 3: return .symbolicLink(try #require(target).value)
        case 4: return .characterDevice(major: try #require(device)[0], minor: try #require(device)[1])
        case 5: return .blockDevice(major: try #require(device)[0], minor: try #require(device)[1])
        case 6: return .fifo
        default: return .socket
        }
    }
}

extension Vectors.EntryContent {
    func content(_ title: String) throws -> Content {
        let cut = try #require(Cut(rawValue: cut))
        if let inline { return Content(cut: cut, length: length, body: .inline(inline.value)) }
        var builder = ListBuilder(cut: cut, emit: EmittedObjects().emit)
        for part in try #require(segments) { try builder.append(part.segment) }
        let content = try builder.finish()
        #expect(content.length == length, "\(title)")
        return content
    }
}
