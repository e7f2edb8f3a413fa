internal import SnapDigest
package import SnapModel

/// Walks the groups of a snapshot's hard links in order. Memory: the largest group.
package struct LinkTableCursor {
    private let load: ObjectLoader
    private var segments: SegmentCursor?
    private var reader = LinkTableReader()
    /// Whether the last chunk was one that only the end of the table may follow.
    private var hasShort = false

    /// - Parameter links: nil for a snapshot without any.
    package init(_ links: Manifest.Links?, load: @escaping ObjectLoader) throws {
        self.load = load
        segments = try links.map { try SegmentCursor(list: $0.list, length: $0.length, load: load) }
    }

    /// The next group; nil after the last.
    ///
    /// - Throws: ``FormatError`` for a table that is none.
    /// - Complexity: O(bytes of the table): that of chunks of one byte would be in the number of chunks, and a list of a
    ///   few nodes can name one chunk as often as it likes.
    package mutating func next() throws -> LinkGroup? {
        while true {
            if let group = try reader.next() { return group }
            guard let segment = try segments?.next() else {
                try reader.end()
                return nil
            }
            guard case .data(let digest, let size) = segment else {
                throw FormatError(.range, "A link table holds a hole.")
            }
            guard !hasShort else {
                throw FormatError(.notCanonical, "A link table has a chunk that is too short before its last.")
            }
            hasShort = size < Limits.linkChunkBytesMin
            let chunk = try load(ObjectKey(.chunk, digest))
            guard chunk.count == Int(size) else {
                throw FormatError(.range, "A link table has a chunk of \(chunk.count) bytes where it says \(size).")
            }
            reader.append(chunk)
        }
    }
}
