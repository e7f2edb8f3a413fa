package import SnapModel
package import SnapDigest

/// How a frame's bytes are stored.
package enum FrameCodec: UInt8, Sendable {
    case raw = 0
    case zstd = 1
}

/// One frame of a pack. Offsets and sizes are bytes.
package struct FrameInfo: Hashable, Sendable {
    package static let checkBytes = 16

    /// From the beginning of the pack.
    package let offset: UInt64
    package let storedBytes: UInt32
    package let rawBytes: UInt32
    package let codec: FrameCodec
    /// The first 16 bytes of the SHA-256 of the stored bytes.
    package let check: [UInt8]

    package init(offset: UInt64, storedBytes: UInt32, rawBytes: UInt32, codec: FrameCodec, check: [UInt8]) {
        self.offset = offset
        self.storedBytes = storedBytes
        self.rawBytes = rawBytes
        self.codec = codec
        self.check = check
    }

    /// Whether stored bytes with this digest are those of the frame.
    package func isPassed(by digest: Digest) -> Bool {
        digest.bytes.prefix(FrameInfo.checkBytes).elementsEqual(check)
    }
}

/// One object of a pack.
package struct PackedObject: Hashable, Sendable {
    package let key: ObjectKey
    package let length: UInt32
    /// Index of its frame.
    package let frame: Int
    /// Byte offset in the raw frame.
    package let position: UInt32

    package init(key: ObjectKey, length: UInt32, frame: Int, position: UInt32) {
        self.key = key
        self.length = length
        self.frame = frame
        self.position = position
    }
}

/// What is in a pack: the content of its footer (`docs/format.md` section 10).
package struct PackIndex: Hashable, Sendable {
    package static let header = Array("SNAPPACK".utf8) + [1, 0, 0, 0, 0, 0, 0, 0]
    static let trailerMagic = Array("KCAPPANS".utf8)
    static let trailerBytes = 4 + Digest.byteCount + 8
    /// Of one object in a footer, at least: its kind, length and digest.
    static let objectBytes = 2 + Digest.byteCount
    /// A footer describes at most about two million objects.
    static let footerBytesMax = 64 << 20

    package private(set) var frames: [FrameInfo] = []
    /// In the order of frames and positions.
    package private(set) var objects: [PackedObject] = []

    package init() {}

    /// Where the frames end.
    package var endOfFrames: UInt64 {
        frames.last.map { $0.offset + UInt64($0.storedBytes) } ?? UInt64(Self.header.count)
    }

    /// Adds the next frame with its objects, whose lengths add up to its raw length.
    mutating func append(_ frame: FrameInfo, objects keys: [(key: ObjectKey, length: UInt32)]) {
        var position: UInt32 = 0
        for (key, length) in keys {
            objects.append(PackedObject(key: key, length: length, frame: frames.count, position: position))
            position += length
        }
        frames.append(frame)
    }

    /// Footer and trailer.
    func encode() throws -> [UInt8] {
        var writer = ByteWriter()
        writer.varint(UInt64(frames.count))
        var next = 0
        for (number, frame) in frames.enumerated() {
            writer.byte(frame.codec.rawValue)
            writer.varint(UInt64(frame.storedBytes))
            writer.varint(UInt64(frame.rawBytes))
            writer.raw(frame.check)
            let end = objects[next...].firstIndex { $0.frame != number } ?? objects.count
            writer.varint(UInt64(end - next))
            for object in objects[next..<end] {
                writer.byte(object.key.kind.rawValue)
                writer.varint(UInt64(object.length))
                writer.digest(object.key.digest)
            }
            next = end
        }
        let footer = writer.bytes
        var trailer = ByteWriter()
        trailer.fixed(UInt32(clamping: footer.count))
        trailer.digest(try SHA256().digest(footer))
        trailer.raw(Self.trailerMagic)
        return footer + trailer.bytes
    }

    /// Decodes a footer whose digest has been checked. `frameBytes` is what lies between header and footer.
    static func decode(_ footer: [UInt8], frameBytes: UInt64) throws(FormatError) -> PackIndex {
        var reader = ByteReader(footer, "pack footer")
        let count = try reader.count(max: footerBytesMax, bytesEach: 19, "frames")
        guard count >= 1 else { throw reader.error(.range, "has no frames") }
        var index = PackIndex()
        var offset = UInt64(header.count)
        for _ in 0..<count {
            let (frame, objects) = try decodeFrame(at: offset, from: &reader)
            index.append(frame, objects: objects)
            offset += UInt64(frame.storedBytes)
        }
        try reader.end()
        guard offset == UInt64(header.count) + frameBytes else {
            throw reader.error(.range, "describes \(offset - UInt64(header.count)) bytes of frames, not \(frameBytes)")
        }
        return index
    }

    /// Decodes what stands in a footer of one frame: what it is, and its objects, whose lengths add up to its raw length.
    package static func decodeFrame(
        at offset: UInt64, objectsMax: Int = Limits.frameRawBytesMax, from reader: inout ByteReader
    ) throws(FormatError) -> (FrameInfo, [(key: ObjectKey, length: UInt32)]) {
        guard let codec = FrameCodec(rawValue: try reader.byte()) else {
            throw reader.error(.unknown, "has a frame of unknown codec")
        }
        // Compressed bytes are never more than raw ones: such a frame is stored raw.
        let stored = try reader.varint(max: UInt64(Limits.frameRawBytesMax), "a frame of stored length")
        let raw = try reader.varint(max: UInt64(Limits.frameRawBytesMax), "a frame of raw length")
        guard stored >= 1, raw >= 1, codec == .zstd ? stored < raw : stored == raw else {
            throw reader.error(.range, "has a frame of impossible lengths")
        }
        let frame = FrameInfo(
            offset: offset, storedBytes: UInt32(truncatingIfNeeded: stored), rawBytes: UInt32(truncatingIfNeeded: raw),
            codec: codec, check: try reader.raw(FrameInfo.checkBytes))
        let count = try reader.count(max: objectsMax, bytesEach: objectBytes, "objects")
        var keys: [(key: ObjectKey, length: UInt32)] = []
        var sum: UInt64 = 0
        for _ in 0..<count {
            guard let kind = ObjectKind(rawValue: try reader.byte()) else {
                throw reader.error(.unknown, "has an object of unknown kind")
            }
            let length = try reader.varint(max: UInt64(Limits.bytesMax(of: kind)), "an object of length")
            guard length >= 1 else { throw reader.error(.range, "has an object of no bytes") }
            sum += length
            keys.append((ObjectKey(kind, try reader.digest()), UInt32(truncatingIfNeeded: length)))
        }
        guard sum == raw else { throw reader.error(.range, "has objects of \(sum) bytes in a frame of \(raw)") }
        return (frame, keys)
    }

    /// Reads and checks the header, footer and trailer of a pack.
    ///
    /// - Throws: ``PackError/Code/missing`` or ``PackError/Code/corrupt``, naming the pack.
    package static func read(backend: any PackBackend, scope: String, id: PackID) throws -> PackIndex {
        let corrupt = { (problem: String) in PackError(.corrupt, "The pack \(id) of `\(scope)` \(problem).") }
        let size = try backend.size(scope: scope, id: id)
        let fixed = UInt64(header.count + trailerBytes)
        guard size > fixed else { throw corrupt("has \(size) bytes, too few for one") }
        guard try backend.read(scope: scope, id: id, offset: 0, count: header.count) == header else {
            throw corrupt("does not begin as one")
        }
        let trailer = try backend.read(
            scope: scope, id: id, offset: size - UInt64(trailerBytes), count: trailerBytes)
        var reader = ByteReader(trailer, "pack trailer")
        let length = try reader.fixed(UInt32.self)
        let digest = try reader.digest()
        guard try reader.raw(8) == trailerMagic else { throw corrupt("does not end as one") }
        guard length <= footerBytesMax, UInt64(length) <= size - fixed else {
            throw corrupt("has a footer longer than itself")
        }
        let footer = try backend.read(
            scope: scope, id: id, offset: size - UInt64(trailerBytes) - UInt64(length), count: Int(length))
        guard try SHA256().digest(footer) == digest else { throw corrupt("has a damaged footer") }
        do throws(FormatError) {
            return try decode(footer, frameBytes: size - fixed - UInt64(length))
        } catch {
            throw corrupt("has a malformed footer: \(error.message)")
        }
    }
}
