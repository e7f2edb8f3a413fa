/// Every limit of the formats, the same when writing and when reading: nothing can be stored that cannot be restored.
/// `docs/format.md` states them; the tests try each at the limit and one past it.
package enum Limits {
    package static let chunkBytesMax = 1 << 20
    package static let listNodeBytesMax = 64 << 10
    package static let treeItemBytesMax = 256 << 10
    package static let treeNodeBytesMax = treeItemBytesMax + 16
    package static let manifestBytesMax = 1 << 20
    package static let recordBytesMax = 1 << 20

    package static let fileBytesMax: UInt64 = 1 << 60
    package static let inlineBytesMax = 64
    package static let directSegmentsMax = 16
    /// Of each chunk of a link table but the last.
    package static let linkChunkBytesMin = 4 << 10

    package static let listItemsMin = 64
    package static let listItemsMax = 1024
    package static let listLevelMax: UInt8 = 7

    package static let entryBytesMax = 128 << 10
    package static let treeItemsMax = 512
    package static let treeLevelMax: UInt8 = 7
    package static let nameBytesMax = 255
    package static let modeMax: UInt16 = 0o7777
    package static let idMax = UInt32.max - 1
    package static let linkTargetBytesMax = 4095
    package static let attributeNameBytesMax = 255
    package static let attributeInlineBytesMax = 1024
    package static let attributeBytesMax = 64 << 10

    package static let frameRawBytesMax = 8 << 20
    package static let jsonDepthMax = 8
    package static let jsonIntegerMax: UInt64 = 1 << 53

    /// The largest object of each kind, in bytes.
    package static func bytesMax(of kind: ObjectKind) -> Int {
        switch kind {
        case .chunk: chunkBytesMax
        case .list: listNodeBytesMax
        case .tree: treeNodeBytesMax
        case .manifest: manifestBytesMax
        case .record: recordBytesMax
        }
    }
}
