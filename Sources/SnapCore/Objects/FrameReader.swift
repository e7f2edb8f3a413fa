internal import SnapCatalogue
internal import SnapDigest
internal import SnapModel
internal import SnapPacks
internal import Synchronization

/// Reads objects from packs by place, checking every one against its digest before it is used.
final class FrameReader: Sendable {
    /// Where a frame is, as far as reading goes.
    struct Location: Sendable {
        let scope: String
        let pack: PackID
        let info: FrameInfo
    }

    private let catalogue: Catalogue
    private let backend: any PackBackend
    private let cache: FrameCache
    private let decoders = FrameDecoders()
    /// Of the pack that a whole frame was taken from last: what is in its frames, by their offsets.
    private let packed = Mutex<(pack: PackID, objects: [UInt64: [(key: ObjectKey, length: UInt32)]])?>(nil)

    init(catalogue: Catalogue, backend: any PackBackend, cacheBytesMax: Int = FrameCache.bytesMaxUsually) {
        self.catalogue = catalogue
        self.backend = backend
        cache = FrameCache(bytesMax: cacheBytesMax)
    }

    /// The bytes at `place`, equal to its digest.
    ///
    /// - Throws: ``StoreError/Code/corrupt`` when they are not what they were; ``PackError`` with code `missing` when
    ///   the pack is gone, which a caller answers by looking the place up once more.
    func read(_ place: ObjectPlace) throws -> [UInt8] {
        let frame = try frame(place.frame)
        guard let range = Self.range(of: place, in: frame.count) else {
            throw StoreError(
                .corrupt, "The catalogue says that \(place.key) lies outside its frame.",
                hint: "Run `snapstore fsck` to see what else is wrong.")
        }
        try decode(frame, place.frame, to: range.upperBound)
        let bytes = try frame.withBytes(to: range.upperBound) { Array($0[range]) }
        guard try SHA256().digest(bytes) == place.key.digest else {
            cache.remove(place.frame)
            throw StoreError(
                .corrupt, "The stored bytes of \(place.key) are not what they were.",
                hint: "Run `snapstore fsck --read-data` to see which snapshots it concerns.")
        }
        return bytes
    }

    /// Calls `body` once with those of `places`, all of one frame, whose bytes are equal to their digest. Returns the
    /// numbers of the others; ``read(_:)`` says what is wrong with them.
    ///
    /// The bytes are those of the frame, which nobody copies, and their digests are computed side by side.
    func read(_ places: [(number: Int, place: ObjectPlace)], _ body: ([LoadedObject]) throws -> Void) throws -> [Int] {
        guard let first = places.first else { return [] }
        guard let frame = try? self.frame(first.place.frame, isChecked: false) else { return places.map(\.number) }
        let parts = Parts(of: frame.count, places)
        let end = parts.inside.map(\.range.upperBound).max() ?? 0
        guard (try? decode(frame, first.place.frame, to: end)) != nil else { return places.map(\.number) }
        var others = parts.outside
        try frame.withBytes(to: end) { bytes in
            let slices = parts.inside.map { UnsafeRawBufferPointer(rebasing: bytes[$0.range]) }
            var loaded: [LoadedObject] = []
            loaded.reserveCapacity(slices.count)
            for (part, (slice, digest)) in zip(parts.inside, zip(slices, try SHA256().digests(slices))) {
                if digest == part.digest {
                    loaded.append(LoadedObject(number: part.number, bytes: slice))
                } else {
                    others.append(part.number)
                }
            }
            try body(loaded)
        }
        if !others.isEmpty { cache.remove(first.place.frame) }
        return others
    }

    /// The numbers of those of `places`, all of the frame at `location`, whose bytes are not equal to their digest; of all
    /// when the frame fails its own check. Goes by what is stored now, not by what was decoded before.
    func unsound(_ places: [(number: Int, place: ObjectPlace)], in location: Location) throws -> [Int] {
        guard let stored = try? stored(at: location),
            let frame = try? decoders.withDecoder({ try $0.decode(stored, location.info, isChecked: false) })
        else { return places.map(\.number) }
        let parts = Parts(of: frame.count, places)
        let digests = try stored.withUnsafeBytes { stored in
            try frame.withUnsafeBytes { bytes in
                // The check is one digest more; the longest comes first, so that the others are computed beside it.
                try SHA256().digests([stored] + parts.inside.map { UnsafeRawBufferPointer(rebasing: bytes[$0.range]) })
            }
        }
        guard let check = digests.first, location.info.isPassed(by: check) else { return places.map(\.number) }
        return parts.outside + zip(parts.inside, digests.dropFirst()).filter { $0.digest != $1 }.map(\.0.number)
    }

    /// Which bytes of a frame objects are said to be.
    private struct Parts {
        var inside: [(number: Int, range: Range<Int>, digest: Digest)] = []
        /// Numbers of those that no frame of this length can hold.
        var outside: [Int] = []

        init(of count: Int, _ places: [(number: Int, place: ObjectPlace)]) {
            for (number, place) in places {
                if let range = FrameReader.range(of: place, in: count) {
                    inside.append((number, range, place.key.digest))
                } else {
                    outside.append(number)
                }
            }
        }
    }

    private static func range(of place: ObjectPlace, in count: Int) -> Range<Int>? {
        guard let start = Int(exactly: place.position), let length = Int(exactly: place.length), start >= 0,
            length >= 0, start <= count, length <= count - start
        else { return nil }
        return start..<(start + length)
    }

    /// A frame as it is stored, if `keys` are all of its objects, in their order; nil otherwise.
    func whole(_ id: Int64, of keys: [ObjectKey]) throws -> StoredFrame? {
        let location = try location(of: id)
        guard let objects = try objects(at: location), objects.map(\.key) == keys else { return nil }
        let stored = try stored(at: location)
        guard location.info.isPassed(by: try SHA256().digest(stored)) else { return nil }
        return StoredFrame(
            codec: location.info.codec, stored: stored, rawBytes: location.info.rawBytes, check: location.info.check,
            objects: objects)
    }

    /// What the footer of its pack says that a frame holds.
    private func objects(at location: Location) throws -> [(key: ObjectKey, length: UInt32)]? {
        if let packed = packed.withLock({ $0 }), packed.pack == location.pack {
            return packed.objects[location.info.offset]
        }
        let index = try PackIndex.read(backend: backend, scope: location.scope, id: location.pack)
        var objects: [UInt64: [(key: ObjectKey, length: UInt32)]] = [:]
        for object in index.objects {
            objects[index.frames[object.frame].offset, default: []].append((object.key, object.length))
        }
        packed.withLock { $0 = (location.pack, objects) }
        return objects[location.info.offset]
    }

    private func frame(_ id: Int64, isChecked: Bool = true) throws -> LazyFrame {
        try cache.frame(id) {
            let location = try location(of: id)
            return try LazyFrame(stored(at: location), location.info, isChecked: isChecked, decoders: decoders)
        }
    }

    private func decode(_ frame: LazyFrame, _ id: Int64, to end: Int) throws {
        do {
            try frame.decode(to: end)
        } catch {
            cache.remove(id)
            throw error
        }
    }

    private func stored(at location: Location) throws -> [UInt8] {
        try backend.read(
            scope: location.scope, id: location.pack, offset: location.info.offset,
            count: Int(location.info.storedBytes))
    }

    private func location(of id: Int64) throws -> Location {
        let found = try catalogue.read { tx -> Location? in
            guard let (frame, pack, scope) = try tx.location(ofFrame: id), let packID = PackID(bytes: pack),
                let info = FrameInfo(frame)
            else { return nil }
            return Location(scope: scope, pack: packID, info: info)
        }
        guard let found else {
            throw PackError(.missing, "The frame \(id) is no longer in the catalogue.")
        }
        return found
    }
}

extension FrameInfo {
    /// The frame a catalogue row describes; nil when its codec, checksum or sizes cannot be.
    init?(_ row: FrameRow) {
        // Memory is given by these sizes.
        guard let codec = FrameCodec(rawValue: row.codec), row.checksum.count == FrameInfo.checkBytes,
            max(row.storedBytes, row.rawBytes) <= Limits.frameRawBytesMax
        else { return nil }
        self.init(
            offset: row.offset, storedBytes: row.storedBytes, rawBytes: row.rawBytes, codec: codec,
            check: row.checksum)
    }
}
