internal import SnapCatalogue
internal import SnapModel
internal import Synchronization

/// What one session has written, and where: its uploads are addressable by it alone until its commit.
///
/// Kept in memory up to a bound; beyond it, places in sealed packs are spilled to the catalogue's `upload` table.
final class SessionUploads: Sendable {
    /// Entries kept in memory, about 100 bytes each.
    static let entriesMax = 250_000

    private struct Place {
        /// Row of the frame; 0 while its pack is not sealed.
        var frame: Int64
        var position: UInt32
        var length: UInt32
    }

    private struct State {
        var places: [ObjectKey: Place] = [:]
        var spilled = 0
    }

    private let state = Mutex(State())

    /// Whether any place was spilled, so that a miss in memory has to be looked up.
    var hasSpilled: Bool { state.withLock { $0.spilled > 0 } }

    func contains(_ key: ObjectKey) -> Bool {
        state.withLock { $0.places[key] != nil }
    }

    /// Notes an object handed to the writer, not yet sealed.
    func note(_ key: ObjectKey, length: Int) {
        let length = UInt32(clamping: length)
        state.withLock { $0.places[key] = Place(frame: 0, position: 0, length: length) }
    }

    func place(_ key: ObjectKey) -> ObjectPlace? {
        guard let place = state.withLock({ $0.places[key] }), place.frame != 0 else { return nil }
        return ObjectPlace(
            key: key, length: Int64(place.length), frame: place.frame, position: Int64(place.position))
    }

    /// Notes where objects are, once their pack is sealed.
    func seal(_ places: [ObjectPlace]) {
        state.withLock { state in
            for place in places {
                state.places[place.key] = Place(
                    frame: place.frame, position: UInt32(clamping: place.position),
                    length: UInt32(clamping: place.length))
            }
        }
    }

    /// Takes sealed places out of memory when there are too many, for the caller to write to the catalogue.
    func takeSpill() -> [ObjectPlace] {
        state.withLock { state in
            guard state.places.count > Self.entriesMax else { return [] }
            let sealed = state.places.filter { $0.value.frame != 0 }
            for key in sealed.keys { state.places[key] = nil }
            state.spilled += sealed.count
            return sealed.map { key, place in
                ObjectPlace(
                    key: key, length: Int64(place.length), frame: place.frame, position: Int64(place.position))
            }
        }
    }
}
