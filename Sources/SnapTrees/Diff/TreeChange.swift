package import SnapModel

/// One path that two trees do not agree on.
package struct TreeChange: Sendable, Hashable {
    package enum Kind: String, Sendable {
        case added
        case removed
        case changed
    }

    /// What of an entry differs.
    package enum Aspect: String, Sendable, CaseIterable {
        case type
        case content
        case target
        case device
        case mode
        case owner
        case attributes
        case time
    }

    package let kind: Kind
    /// Relative to the root, without a leading `/`; empty for the root itself.
    package let path: [UInt8]
    /// What differs, for a change.
    package let aspects: [Aspect]
    /// The entry that is there now, or was there.
    package let entry: Entry
}

extension Entry {
    /// What differs from `other`, the digests of directories aside: their entries are compared one by one.
    func aspects(differingFrom other: Entry, ignoringTimes: Bool) -> [TreeChange.Aspect] {
        var found: [TreeChange.Aspect] = []
        switch (node, other.node) {
        case (.directory, .directory), (.fifo, .fifo), (.socket, .socket): break
        case (.file(let left), .file(let right)): if left != right { found.append(.content) }
        case (.symbolicLink(let left), .symbolicLink(let right)): if left != right { found.append(.target) }
        case (.characterDevice, .characterDevice), (.blockDevice, .blockDevice):
            if node != other.node { found.append(.device) }
        default: found.append(.type)
        }
        if metadata.mode != other.metadata.mode { found.append(.mode) }
        if metadata.uid != other.metadata.uid || metadata.gid != other.metadata.gid { found.append(.owner) }
        if metadata.attributes != other.metadata.attributes { found.append(.attributes) }
        if !ignoringTimes, metadata.modified != other.metadata.modified { found.append(.time) }
        return found
    }
}
