internal import SnapCatalogue
package import SnapModel
package import SnapPacks

/// Some objects that lie in one frame, in its order.
package struct FrameShare: Sendable {
    package let keys: [ObjectKey]
    /// nil where it is not known.
    let frame: Int64?
}

extension ObjectReader {
    /// Some objects by the frames that they lie in, in the order of packs: read so, each frame is decoded once.
    ///
    /// - Throws: ``StoreError/Code/notFound`` or ``StoreError/Code/corrupt`` for one that cannot be read, as ``read(_:)``.
    package func shares(of keys: [ObjectKey]) throws(StoreError) -> [FrameShare] {
        try StoreError.mapped {
            var (found, others) = try places(of: keys)
            for number in others { _ = try place(of: keys[number]) }
            found.sort { ($0.place.frame, $0.place.position) < ($1.place.frame, $1.place.position) }
            return found.runsOfFrames().map { run in
                FrameShare(keys: run.map { keys[$0.number] }, frame: run.first?.place.frame)
            } + others.map { FrameShare(keys: [keys[$0]], frame: nil) }
        }
    }

    /// The frame as it is stored, if it holds nothing but the objects of `share`, and its bytes pass its check; what is in it
    /// is not looked at. Otherwise nil: its objects are to be read.
    ///
    /// So whoever may have all of its objects gets it without work, and nobody what lies beside them.
    package func wholeFrame(_ share: FrameShare) -> StoredFrame? {
        guard let frame = share.frame else { return nil }
        // What is not as it should be is met, and named, by whoever reads the objects.
        return try? frames.whole(frame, of: share.keys)
    }
}
