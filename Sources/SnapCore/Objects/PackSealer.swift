internal import SnapCatalogue
internal import SnapModel
internal import SnapPacks

/// Tells the catalogue of a session's packs: of each before its first byte, and of its frames once it is sealed.
/// For one thread at a time, as the writer of those packs is.
final class PackSealer {
    private let catalogue: Catalogue
    private let session: Int64
    private let scope: ScopeID
    private let uploads: SessionUploads?
    private var rows: [PackID: Int64] = [:]
    private(set) var storedBytes: Int64 = 0

    init(catalogue: Catalogue, session: Int64, scope: ScopeID, uploads: SessionUploads?) {
        self.catalogue = catalogue
        self.session = session
        self.scope = scope
        self.uploads = uploads
    }

    /// Announces a new pack, pending and owned by the session.
    func announce() throws -> PackID {
        let id = PackID()
        let row = try catalogue.write("pack") { tx in
            try tx.insertPack(uid: id.bytes, scope: scope, session: session, state: .pending)
        }
        rows[id] = row
        return id
    }

    /// Takes note of a pack that is durable under its name.
    func sealed(_ pack: SealedPack) throws {
        guard let row = rows[pack.id] else {
            throw StoreError(.io, "A pack was sealed that was never announced.")
        }
        let frames = try PackRegistration.insertFrames(pack.index, pack: row, storedBytes: pack.bytes, catalogue)
        storedBytes += Int64(clamping: pack.bytes)
        guard let uploads else { return }
        let places = PackRegistration.places(pack.index, frames: frames)
        guard uploads.isFull else { return uploads.seal(places) }
        // In the order of the table, so that a transaction writes a page for several rows, not for each.
        for batch in places.sorted(by: { $0.key < $1.key }).batches(of: 900) {
            try catalogue.write("spill") { tx in
                for place in batch { try tx.insertUpload(place, session: session) }
            }
        }
        uploads.forget(places)
    }
}

/// A pack's index as rows of the catalogue.
enum PackRegistration {
    /// Writes the sizes and the frames of a pack. Returns the rows of the frames, in order.
    static func insertFrames(
        _ index: PackIndex, pack: Int64, storedBytes: UInt64, _ catalogue: Catalogue
    ) throws -> [Int64] {
        let raw = index.frames.reduce(Int64(0)) { $0 + Int64($1.rawBytes) }
        var rows: [Int64] = []
        for (number, batch) in Array(index.frames.enumerated()).batches(of: 900).enumerated() {
            rows += try catalogue.write("frames") { tx in
                if number == 0 {
                    try tx.setPackSizes(pack, storedBytes: Int64(clamping: storedBytes), rawBytes: raw)
                }
                return try batch.map { number, frame in
                    try tx.insertFrame(
                        FrameRow(
                            id: 0, pack: pack, number: number, offset: frame.offset, storedBytes: frame.storedBytes,
                            rawBytes: frame.rawBytes, codec: frame.codec.rawValue, checksum: frame.check))
                }
            }
        }
        return rows
    }

    /// Where the objects of a pack are, given the rows of its frames.
    static func places(_ index: PackIndex, frames: [Int64]) -> [ObjectPlace] {
        index.objects.compactMap { object in
            guard frames.indices.contains(object.frame) else { return nil }
            return ObjectPlace(
                key: object.key, length: Int64(object.length), frame: frames[object.frame],
                position: Int64(object.position))
        }
    }
}

extension Array {
    /// The elements in order, at most `size` together.
    func batches(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
