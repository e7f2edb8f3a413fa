import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapPacks
import SnapTrees

nonisolated(unsafe) private let hasher = try? SHA256()
private let store = try? Store.open(path: scratchDirectory + "/store", create: true)

/// A stream of an exported snapshot, as it is (the first byte is odd) or as objects that are made packs of: kind (its
/// high bit ends a pack), length in two bytes, bytes. In these `@!N` stands for the digest of the object N before it, as
/// bytes, and `@?N` for its text: graphs of any shape are a few changed bytes away.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let store, let hasher else { found("no store") }
    var parts = Parts(bytes(start, count))
    let isRaw = parts.byte() & 1 == 1
    let stream = isRaw ? parts.all() : built(&parts, hasher)
    var position = 0
    do {
        let session = try store.beginSession(.import, org: "local")
        defer { session.end() }
        _ = try NativeImport(session: session).run { count in
            let end = min(stream.count, position + count)
            defer { position = end }
            return Array(stream[position..<end])
        }
    } catch {
        let codes: [StoreError.Code] = [.corrupt, .invalid, .notFound, .incomplete]
        guard let error = error as? StoreError, codes.contains(error.code) else { found("\(error)") }
    }
    return 0
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
