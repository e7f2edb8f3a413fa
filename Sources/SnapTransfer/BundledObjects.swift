package import SnapCore
package import SnapModel
internal import SnapPacks

/// Some objects as frames of a bundle, and what the nodes among them name.
///
/// A frame that holds nothing else goes as it is stored; of the others what is wanted is put into new ones, chunks and nodes
/// apart. Memory: the frames before compression.
package struct BundledObjects: Sendable {
    package private(set) var bytes: [UInt8] = []
    package private(set) var children: [ObjectKey: [ObjectKey]] = [:]
    /// Bytes before compression.
    package private(set) var rawBytes: Int64 = 0

    /// - Parameter wantsChildren: Whoever has no need of ``children`` saves the decoding of nodes.
    package init(_ shares: some Sequence<FrameShare>, _ reader: ObjectReader, wantsChildren: Bool) throws {
        var (chunks, nodes) = (try BundleWriter(), try BundleWriter())
        for share in shares {
            let hasNodes = share.keys.contains { $0.kind != .chunk }
            if let frame = reader.wholeFrame(share) {
                bytes += BundleFrame(frame).encode()
                rawBytes += Int64(frame.rawBytes)
                guard wantsChildren, hasNodes else { continue }
                try reader.read(share.keys) { try noteChildren($0, share.keys) }
            } else {
                try reader.read(share.keys) { loaded in
                    for object in loaded {
                        let key = share.keys[object.number]
                        let full =
                            key.kind == .chunk
                            ? try chunks.add(key, object.bytes) : try nodes.add(key, object.bytes)
                        bytes += full ?? []
                        rawBytes += Int64(object.bytes.count)
                    }
                    if wantsChildren, hasNodes { try noteChildren(loaded, share.keys) }
                }
            }
        }
        bytes += try chunks.finish() ?? []
        bytes += try nodes.finish() ?? []
    }

    private mutating func noteChildren(_ loaded: [LoadedObject], _ keys: [ObjectKey]) throws {
        for object in loaded where keys[object.number].kind != .chunk {
            let key = keys[object.number]
            children[key] = try ObjectChildren.of(key.kind, Array(object.bytes))
        }
    }
}

extension [FrameShare] {
    /// Neighbours together, as many as have about so many objects.
    package func grouped(objects: Int) -> [[FrameShare]] {
        var groups: [[FrameShare]] = []
        var count = objects
        for share in self {
            if count >= objects {
                groups.append([])
                count = 0
            }
            groups[groups.count - 1].append(share)
            count += share.keys.count
        }
        return groups
    }
}
