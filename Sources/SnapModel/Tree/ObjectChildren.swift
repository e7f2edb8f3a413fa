internal import SnapDigest

/// Which objects an object names: what reference counts follow.
package enum ObjectChildren {
    /// The distinct objects that the bytes of an object name, in the order of their first use. Chunks and records name
    /// none.
    ///
    /// - Throws: ``FormatError`` when the bytes are no object of that kind.
    package static func of(_ kind: ObjectKind, _ bytes: [UInt8]) throws(FormatError) -> [ObjectKey] {
        var keys = DistinctKeys()
        switch kind {
        case .chunk, .record: break
        case .list: keys.add(try ListNode.decode(bytes))
        case .tree where RootNode.isRoot(bytes): keys.add(try RootNode.decode(bytes))
        case .tree:
            switch try TreeNode.decode(bytes) {
            case .entries(let entries): for entry in entries { keys.add(entry) }
            case .index(_, let items): for item in items { keys.add(.tree, item.digest) }
            }
        case .manifest:
            let manifest = try Manifest.decode(bytes)
            keys.add(.tree, manifest.root)
            if let links = manifest.links { keys.add(.list, links.list) }
            if let checkpoint = manifest.checkpoint { keys.add(.tree, checkpoint.payload) }
        }
        return keys.ordered
    }
}

private struct DistinctKeys {
    private(set) var ordered: [ObjectKey] = []
    private var seen: Set<ObjectKey> = []

    mutating func add(_ kind: ObjectKind, _ digest: Digest) {
        let key = ObjectKey(kind, digest)
        if seen.insert(key).inserted { ordered.append(key) }
    }

    mutating func add(_ entry: Entry) {
        for attribute in entry.metadata.attributes {
            if case .chunk(let digest, _) = attribute.value { add(.chunk, digest) }
        }
        switch entry.node {
        case .directory(let digest): add(.tree, digest)
        case .file(let content): add(content)
        default: break
        }
    }

    private mutating func add(_ content: Content) {
        switch content.body {
        case .inline: break
        case .segments(let segments): for segment in segments { add(segment) }
        case .list(let root): add(.list, root)
        }
    }

    private mutating func add(_ segment: Segment) {
        if case .data(let digest, _) = segment { add(.chunk, digest) }
    }

    mutating func add(_ node: ListNode) {
        switch node {
        case .segments(let segments): for segment in segments { add(segment) }
        case .children(_, let children): for child in children { add(.list, child.digest) }
        }
    }
}
