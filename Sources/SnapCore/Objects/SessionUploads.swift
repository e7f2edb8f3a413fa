internal import SnapCatalogue
internal import SnapModel

/// What one session has written, and where: its uploads are addressable by it alone until its commit.
///
/// Kept in memory up to a bound; beyond it, the places in a pack are spilled to the catalogue's `upload` table when it is
/// sealed. For one thread at a time, as its session is.
final class SessionUploads {
    /// Entries at which packs are spilled, about 100 bytes each. What is not sealed yet comes on top.
    static let entriesMax = 250_000

    private struct Place {
        /// Row of the frame; 0 while its pack is not sealed.
        var frame: Int64
        var position: UInt32
        var length: UInt32
    }

    /// Bytes of nodes kept so that the commit, which walks over them, need not read them again.
    private static let nodeBytesMax = 8 << 20

    private var places: [ObjectKey: Place] = [:]
    private var spilled = 0
    private var nodes: [ObjectKey: [UInt8]] = [:]
    private var nodeBytes = 0

    /// Whether any place was spilled, so that a miss in memory has to be looked up.
    var hasSpilled: Bool { spilled > 0 }

    func contains(_ key: ObjectKey) -> Bool { places[key] != nil }

    /// Notes an object handed to the writer, not yet sealed.
    func note(_ key: ObjectKey, _ bytes: UnsafeRawBufferPointer) {
        places[key] = Place(frame: 0, position: 0, length: UInt32(clamping: bytes.count))
        if key.kind.hasChildren, nodeBytes + bytes.count <= Self.nodeBytesMax {
            nodes[key] = Array(bytes)
            nodeBytes += bytes.count
        }
    }

    /// The bytes of a node that the session has put, if they are kept.
    func node(_ key: ObjectKey) -> [UInt8]? { nodes[key] }

    func place(_ key: ObjectKey) -> ObjectPlace? {
        guard let place = places[key], place.frame != 0 else { return nil }
        return ObjectPlace(
            key: key, length: Int64(place.length), frame: place.frame, position: Int64(place.position))
    }

    /// Notes where objects are, once their pack is sealed.
    func seal(_ sealed: [ObjectPlace]) {
        for place in sealed {
            places[place.key] = Place(
                frame: place.frame, position: UInt32(clamping: place.position),
                length: UInt32(clamping: place.length))
        }
    }

    /// Says whether there is no room in memory for what a pack holds: then the caller writes its places to the catalogue,
    /// and afterwards calls ``forget(_:)``.
    var isFull: Bool { places.count > Self.entriesMax }

    /// Takes places out of memory that the catalogue has now.
    func forget(_ written: [ObjectPlace]) {
        for place in written { places[place.key] = nil }
        spilled += written.count
    }
}
