internal import SnapCatalogue
package import SnapDigest
internal import SnapModel

/// How far a snapshot is scattered over the packs. Sizes are bytes before compression.
///
/// Its distinct objects are taken in the order in which a restore needs them. Reading one decodes its frame, unless that is
/// among the frames last used that a reader keeps.
package struct Fragmentation: Sendable, Hashable {
    /// Distinct objects, and what they take.
    package internal(set) var objects: Int64 = 0
    package internal(set) var objectBytes: Int64 = 0
    /// Distinct frames that they are in.
    package internal(set) var frames: Int64 = 0
    /// Frames decoded, those again that were not kept long enough, and what they take.
    package internal(set) var decodedFrames: Int64 = 0
    package internal(set) var decodedBytes: Int64 = 0
    /// Chunks, and the runs of them that lie one after the other in a pack.
    package internal(set) var chunkBytes: Int64 = 0
    package internal(set) var runs: Int64 = 0

    package init(
        objects: Int64 = 0, objectBytes: Int64 = 0, frames: Int64 = 0, decodedFrames: Int64 = 0,
        decodedBytes: Int64 = 0, chunkBytes: Int64 = 0, runs: Int64 = 0
    ) {
        self.objects = objects
        self.objectBytes = objectBytes
        self.frames = frames
        self.decodedFrames = decodedFrames
        self.decodedBytes = decodedBytes
        self.chunkBytes = chunkBytes
        self.runs = runs
    }

    /// Bytes decoded for each byte needed. 1: nothing is decoded that is not needed, and nothing twice.
    package var readAmplification: Double {
        objectBytes == 0 ? 1 : Double(decodedBytes) / Double(objectBytes)
    }

    package var meanRunBytes: Int64 { runs == 0 ? 0 : chunkBytes / runs }
}

/// Takes the objects of a snapshot in order, and tells what they make a reader decode.
///
/// Memory: some 150 bytes for each frame, and 16 for each piece of it that is used apart from others.
struct SnapshotLayout {
    /// What is used of a frame.
    struct FrameUse {
        let row: FrameRow
        var ranges = ByteRanges()
        var decodes: Int64 = 0

        var rawBytes: Int64 { Int64(row.rawBytes) }
        /// What is decoded of it beyond what is needed.
        var excessBytes: Int64 { decodes * rawBytes - ranges.count }
    }

    private(set) var frames: [Int64: FrameUse] = [:]
    private(set) var figures = Fragmentation()
    /// The frames that a reader has at hand.
    private var kept = RecentlyUsed<Void>(bytesMax: FrameCache.bytesMaxUsually)
    private var lastChunk: ObjectPlace?

    /// Adds an object, unless it was added before, or is not where it can be. Says whether it was added.
    @discardableResult
    mutating func add(_ place: ObjectPlace, frame load: (Int64) throws -> FrameRow?) throws -> Bool {
        if frames[place.frame] == nil {
            guard let row = try load(place.frame) else { return false }
            frames[place.frame] = FrameUse(row: row)
            figures.frames += 1
        }
        guard let rawBytes = frames[place.frame]?.rawBytes, place.position <= rawBytes,
            place.length <= rawBytes - place.position,
            frames[place.frame]?.ranges.insert(place.position..<(place.position + place.length)) == true
        else { return false }
        figures.objects += 1
        figures.objectBytes += place.length
        if kept.use(place.frame) == nil {
            kept.insert(place.frame, (), bytes: Int(rawBytes))
            frames[place.frame]?.decodes += 1
            figures.decodedFrames += 1
            figures.decodedBytes += rawBytes
        }
        if place.key.kind == .chunk {
            figures.chunkBytes += place.length
            if !continues(place) { figures.runs += 1 }
            lastChunk = place
        }
        return true
    }

    /// Whether a chunk lies behind the last one, in its frame or at the beginning of the next.
    private func continues(_ place: ObjectPlace) -> Bool {
        guard let last = lastChunk else { return false }
        let end = last.position + last.length
        if place.frame == last.frame { return place.position == end }
        guard let old = frames[last.frame], let new = frames[place.frame] else { return false }
        return place.position == 0 && end == old.rawBytes && new.row.pack == old.row.pack
            && new.row.number == old.row.number + 1
    }
}

extension Store {
    /// How far a snapshot is scattered. Costs a read of its metadata and a look-up of each of its objects.
    ///
    /// - Throws: ``StoreError/Code/notFound``, ``StoreError/Code/incomplete`` or ``StoreError/Code/corrupt`` when the
    ///   snapshot cannot be read.
    package func fragmentation(of manifest: Digest, org: String, step: @escaping MaintenanceStep = { _, _ in })
        throws(StoreError) -> Fragmentation
    {
        try StoreError.mapped {
            let walk = SnapshotWalk(store: self, scope: try knownOrg(org).scope, passesDamage: false, step: step)
            var layout = SnapshotLayout()
            try walk.forEachPlace(of: manifest) { place in
                try layout.add(place.object) { id in try self.catalogue.read { try $0.frame(id) } }
            }
            return layout.figures
        }
    }
}
