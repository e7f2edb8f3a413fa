internal import SnapDigest
package import SnapModel
package import SnapPacks

/// A frame on its way between stores: what a pack's footer says of one, then its stored bytes.
///
/// A bundle is a stream of these, one after another, with nothing before, between or behind. Each is complete by itself, so
/// that of a stream which was cut all but the last is of use.
package struct BundleFrame: Sendable {
    package let info: FrameInfo
    package let objects: [(key: ObjectKey, length: UInt32)]
    package let stored: [UInt8]

    /// As packs have it.
    package var frame: StoredFrame {
        StoredFrame(
            codec: info.codec, stored: stored, rawBytes: info.rawBytes, check: info.check, objects: objects)
    }

    package init(_ frame: StoredFrame) {
        self.init(
            info: FrameInfo(
                offset: 0, storedBytes: UInt32(clamping: frame.stored.count), rawBytes: frame.rawBytes,
                codec: frame.codec, check: frame.check),
            objects: frame.objects, stored: frame.stored)
    }

    /// Objects of one frame: a header stays below 3 MiB.
    package static let objectsMax = PackWriter.packObjects
    package static let headerBytesMax = 32 + objectsMax * (6 + Digest.byteCount)

    package init(info: FrameInfo, objects: [(key: ObjectKey, length: UInt32)], stored: [UInt8]) {
        self.info = info
        self.objects = objects
        self.stored = stored
    }

    /// The length of the header in four bytes, the header, the stored bytes.
    package func encode() -> [UInt8] {
        var header = ByteWriter()
        header.byte(info.codec.rawValue)
        header.varint(UInt64(info.storedBytes))
        header.varint(UInt64(info.rawBytes))
        header.raw(info.check)
        header.varint(UInt64(objects.count))
        for (key, length) in objects {
            header.byte(key.kind.rawValue)
            header.varint(UInt64(length))
            header.digest(key.digest)
        }
        var writer = ByteWriter()
        writer.fixed(UInt32(clamping: header.bytes.count))
        writer.raw(header.bytes)
        writer.raw(stored)
        return writer.bytes
    }

    /// A header as it stands behind its length.
    ///
    /// - Throws: ``FormatError`` when it says what no frame can be, or names a record.
    static func decodeHeader(_ bytes: [UInt8]) throws(FormatError) -> (
        info: FrameInfo, objects: [(key: ObjectKey, length: UInt32)]
    ) {
        var reader = ByteReader(bytes, "frame's header")
        let (info, objects) = try PackIndex.decodeFrame(at: 0, objectsMax: objectsMax, from: &reader)
        try reader.end()
        guard objects.allSatisfy({ $0.key.kind != .record }) else {
            throw reader.error(.unknown, "has an object of a kind that is not transferred")
        }
        return (info, objects)
    }
}

/// Takes a bundle apart as its bytes come in, in pieces of any size. Memory: one frame.
package struct BundleParser {
    private enum Wanted {
        case length
        case header(Int)
        case body(FrameInfo, [(key: ObjectKey, length: UInt32)])

        var bytes: Int {
            switch self {
            case .length: 4
            case .header(let length): length
            case .body(let info, _): Int(info.storedBytes)
            }
        }
    }

    private var wanted = Wanted.length
    private var buffer: [UInt8] = []

    package init() {}

    /// Whether nothing of a frame has come yet: only there a stream may end.
    package var isBetweenFrames: Bool {
        if case .length = wanted { return buffer.isEmpty }
        return false
    }

    /// Takes the next bytes, and calls `body` with each frame that is complete now. Nothing of it is checked but its header.
    ///
    /// - Throws: ``FormatError`` for what is no bundle, and what `body` throws; nothing more may be fed then.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer, _ body: (BundleFrame) throws -> Void) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(wanted.bytes - buffer.count)
            if buffer.isEmpty { buffer.reserveCapacity(wanted.bytes) }
            buffer.append(contentsOf: piece)
            rest = rest.dropFirst(piece.count)
            guard buffer.count == wanted.bytes else { return }
            let complete = buffer
            buffer = []
            try take(complete, body)
        }
    }

    private mutating func take(_ bytes: [UInt8], _ body: (BundleFrame) throws -> Void) throws {
        switch wanted {
        case .length:
            var reader = ByteReader(bytes, "frame's header")
            let length = try reader.fixed(UInt32.self)
            guard length >= 1, length <= UInt32(BundleFrame.headerBytesMax) else {
                throw reader.error(.range, "has a length of \(length)")
            }
            wanted = .header(Int(length))
        case .header:
            let (info, objects) = try BundleFrame.decodeHeader(bytes)
            wanted = .body(info, objects)
        case .body(let info, let objects):
            wanted = .length
            try body(BundleFrame(info: info, objects: objects, stored: bytes))
        }
    }
}

/// Takes a frame of a bundle apart and checks all of it: its bytes, and the digest of each object.
///
/// For one thread at a time.
package final class BundleOpener {
    private let decoder: FrameDecoder
    private let hasher: SHA256

    package init() throws {
        decoder = try FrameDecoder()
        hasher = try SHA256()
    }

    /// Calls `body` with the objects of the frame; their bytes are those that their keys say, and of a node they are a node.
    ///
    /// - Throws: ``PackError`` or ``FormatError`` when the frame is not what it says, before any object of it is given.
    package func open(
        _ frame: BundleFrame, _ body: ([(key: ObjectKey, bytes: UnsafeRawBufferPointer)]) throws -> Void
    ) throws {
        let raw = try decoder.decode(frame.stored, frame.info)
        try raw.withUnsafeBytes { raw in
            var slices: [UnsafeRawBufferPointer] = []
            var start = 0
            for (_, length) in frame.objects {
                // The header's lengths add up to the frame's.
                let end = min(raw.count, start + Int(length))
                slices.append(UnsafeRawBufferPointer(rebasing: raw[start..<end]))
                start = end
            }
            for ((object, slice), digest) in zip(zip(frame.objects, slices), try hasher.digests(slices)) {
                guard digest == object.key.digest else {
                    throw FormatError(.range, "A bundle says \(object.key) of bytes that are others.")
                }
                if object.key.kind != .chunk { _ = try ObjectChildren.of(object.key.kind, Array(slice)) }
            }
            try body(zip(frame.objects, slices).map { ($0.key, $1) })
        }
    }
}
