internal import SnapCatalogue
internal import SnapModel

/// Where the objects lie that a scope held at some moment.
struct HeldPlaces: Sendable {
    private struct Place {
        let frame: Int64
        let position: UInt32
        let length: UInt32
    }

    private let objects: SortedObjects
    private let places: [Place]

    /// - Parameter places: In the order of their keys. What no frame can hold is left out: it is looked up, and met then.
    init(_ places: [ObjectPlace]) {
        var keys: [ObjectKey] = []
        var kept: [Place] = []
        keys.reserveCapacity(places.count)
        kept.reserveCapacity(places.count)
        for place in places {
            guard let position = UInt32(exactly: place.position), let length = UInt32(exactly: place.length) else {
                continue
            }
            keys.append(place.key)
            kept.append(Place(frame: place.frame, position: position, length: length))
        }
        objects = SortedObjects(keys)
        self.places = kept
    }

    func place(of key: ObjectKey) -> ObjectPlace? {
        guard let number = objects.number(of: key) else { return nil }
        let place = places[number]
        return ObjectPlace(
            key: key, length: Int64(place.length), frame: place.frame, position: Int64(place.position))
    }
}
