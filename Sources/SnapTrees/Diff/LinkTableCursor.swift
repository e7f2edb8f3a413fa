internal import SnapDigest
package import SnapModel

/// Walks the groups of a snapshot's hard links in order. Memory: the largest group.
package struct LinkTableCursor {
    private let load: ObjectLoader
    private var segments: SegmentCursor?
    private var reader = LinkTableReader()

    /// - Parameter links: nil for a snapshot without any.
    package init(_ links: Manifest.Links?, load: @escaping ObjectLoader) throws {
        self.load = load
        segments = try links.map { try SegmentCursor(list: $0.list, length: $0.length, load: load) }
    }

    package mutating func next() throws -> LinkGroup? {
        while true {
            if let group = try reader.next() { return group }
            guard let segment = try segments?.next() else {
                try reader.end()
                return nil
            }
            guard case .data(let digest, _) = segment else {
                throw FormatError(.range, "A link table holds a hole.")
            }
            reader.append(try load(ObjectKey(.chunk, digest)))
        }
    }
}
