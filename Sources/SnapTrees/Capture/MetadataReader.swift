import SnapModel

/// Turns what a file system says of a node into what an entry says of it.
struct MetadataReader {
    let times: TimePolicy
    let owner: OwnerOverride?
    let objects: ObjectWriter
    /// Attributes that were left out.
    private(set) var foreignAttributes: UInt64 = 0

    init(times: TimePolicy, owner: OwnerOverride?, objects: ObjectWriter) {
        self.times = times
        self.owner = owner
        self.objects = objects
    }

    mutating func metadata(_ status: NodeStatus, _ attributes: [SourceAttribute]) throws -> Metadata {
        Metadata(
            // Links have no mode of their own; file systems differ in what they show.
            mode: status.kind == .symbolicLink ? 0o777 : status.mode & Limits.modeMax,
            uid: owner?.uid ?? status.uid,
            gid: owner?.gid ?? status.gid,
            modified: times.applied(to: status.modified),
            attributes: try attributes.isEmpty ? [] : converted(attributes))
    }

    private mutating func converted(_ attributes: [SourceAttribute]) throws -> [ExtendedAttribute] {
        var result: [ExtendedAttribute] = []
        for attribute in attributes {
            guard MetadataReader.isPortable(attribute.name) else {
                if !attribute.name.starts(with: MetadataReader.aclsOfXFS) { foreignAttributes += 1 }
                continue
            }
            let value =
                PosixACL.isACL(attribute.name) ? PosixACL.canonical(attribute.value) : attribute.value
            if value.count <= Limits.attributeInlineBytesMax {
                result.append(ExtendedAttribute(name: attribute.name, value: .inline(value)))
            } else {
                let digest = try objects.put(.chunk, value)
                result.append(
                    ExtendedAttribute(name: attribute.name, value: .chunk(digest, size: UInt32(value.count))))
            }
        }
        return result.sorted { $0.name.precedes($1.name) }
    }

    /// Whether an attribute means the same on every file system. `btrfs.compression` and its like do not: with them the
    /// digest would depend on where the tree lies.
    private static func isPortable(_ name: [UInt8]) -> Bool {
        PosixACL.isACL(name)
            || portableNamespaces.contains { name.starts(with: $0) } && !name.starts(with: aclsOfXFS)
    }

    /// XFS shows root every ACL twice: as such, and as an attribute with this prefix.
    private static let aclsOfXFS = Array("trusted.SGI_ACL_".utf8)

    private static let portableNamespaces = ["user.", "trusted.", "security."].map { Array($0.utf8) }
}
