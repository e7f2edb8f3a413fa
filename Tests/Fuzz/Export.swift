import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
@testable import SnapTrees

nonisolated(unsafe) private let hasher = try? SHA256()

/// A stream of an exported snapshot, as it is (the first byte is odd) or as objects that are made packs of: kind (its
/// high bit ends a pack), length in two bytes, bytes. In these `@!N` stands for the digest of the object N before it, as
/// bytes, and `@?N` for its text: graphs of any shape are a few changed bytes away. What is imported is walked.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let hasher else { found("no digest") }
    var parts = Parts(bytes(start, count))
    let isRaw = parts.byte() & 1 == 1
    let stream = isRaw ? parts.all() : built(&parts, hasher)
    var position = 0
    var objects: [ObjectKey: [UInt8]] = [:]
    let load: ObjectLoader = { key in
        guard let bytes = objects[key] else { throw StoreError(.incomplete, "There is no \(key).") }
        return bytes
    }
    do {
        let draft = try NativeImport(put: { objects[$0] = Array($1) }, readBack: { load }).run { count in
            let end = min(stream.count, position + count)
            defer { position = end }
            return Array(stream[position..<end])
        }
        for (key, bytes) in objects {
            guard hasher.digest(bytes) == key.digest else { found("\(key) is put as something else") }
        }
        try StoreError.mapped { try walk(draft.manifest, load) }
    } catch {
        let codes: [StoreError.Code] = [.corrupt, .invalid, .incomplete]
        guard codes.contains(error.code) else { found("\(error)") }
    }
    return 0
}

/// Reads what was imported, up to so many entries and segments: a few objects can stand for any number.
private func walk(_ digest: Digest, _ load: @escaping ObjectLoader) throws {
    let manifest = try Manifest.decode(load(ObjectKey(.manifest, digest)))
    var sizes = TreeSize(load: load)
    let sum = try sizes.of(manifest)
    let root = try RootNode.decode(load(ObjectKey(.tree, manifest.root)))
    var pending: [Node] = [root.node]
    var left = 1000
    while let node = pending.popLast(), left > 0 {
        switch node {
        case .directory(let tree):
            var cursor = try TreeCursor(root: tree, load: load)
            var last: [UInt8] = []
            while left > 0, let entry = try cursor.next() {
                left -= 1
                guard try lookUp(name: entry.name, inTree: tree, load: load) == entry else {
                    found("\(escaped(entry.name)) is not found again")
                }
                pending.append(entry.node)
                last = entry.name
            }
            let absent = try lookUp(name: last + [0], inTree: tree, load: load)
            if absent != nil { found("a name that is not there is found") }
        case .file(let content):
            var cursor = try SegmentCursor(content, load: load)
            var length: UInt64 = 0
            var isWhole = false
            while left > 0 {
                left -= 1
                guard let segment = try cursor.next() else {
                    isWhole = true
                    break
                }
                length = length.addingSaturated(segment.size)
            }
            if case .inline = content.body { continue }
            guard !isWhole || length == content.length, length <= content.length else { found("another length") }
        default: break
        }
    }
    guard left <= 0 || sum.entries <= 1000 else { found("\(sum.entries) entries are counted, and fewer are there") }
}

private func built(_ parts: inout Parts, _ hasher: SHA256) -> [UInt8] {
    var digests: [Digest] = []
    var stream = ByteWriter()
    stream.raw(Array("SNAPEXP1".utf8))
    var packed: [(kind: UInt8, bytes: [UInt8])] = []
    while !parts.isEmpty {
        let kind = parts.byte()
        let object = resolved(parts.take(parts.number(bytes: 2)), digests)
        digests.append(hasher.digest(object))
        packed.append((kind & 0x7f, object))
        if kind & 0x80 != 0 || parts.isEmpty {
            let pack = pack(packed, hasher)
            stream.fixed(UInt64(pack.count))
            stream.raw(pack)
            packed = []
        }
    }
    stream.fixed(UInt64(0))
    return stream.bytes
}

private func resolved(_ template: [UInt8], _ digests: [Digest]) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = template[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "@"), rest.count >= 2, let mark = rest.first, [33, 63].contains(mark) else {
            bytes.append(byte)
            continue
        }
        let number = rest.dropFirst().first.map { Int($0) - 48 } ?? 0
        guard digests.indices.contains(number) else {
            bytes.append(byte)
            continue
        }
        rest = rest.dropFirst(2)
        bytes += mark == 33 ? Array(digests[number].bytes) : Array("\(digests[number])".utf8)
    }
    return bytes
}

/// A pack of one frame.
private func pack(_ objects: [(kind: UInt8, bytes: [UInt8])], _ hasher: SHA256) -> [UInt8] {
    let raw = objects.flatMap(\.bytes)
    var footer = ByteWriter()
    footer.varint(1)
    footer.byte(0)
    footer.varint(UInt64(raw.count))
    footer.varint(UInt64(raw.count))
    footer.raw(Array(hasher.digest(raw).bytes.prefix(16)))
    footer.varint(UInt64(objects.count))
    for object in objects {
        footer.byte(object.kind)
        footer.varint(UInt64(object.bytes.count))
        footer.digest(hasher.digest(object.bytes))
    }
    var pack = ByteWriter()
    pack.raw(PackIndex.header + raw + footer.bytes)
    pack.fixed(UInt32(footer.bytes.count))
    pack.digest(hasher.digest(footer.bytes))
    pack.raw(Array("KCAPPANS".utf8))
    return pack.bytes
}
