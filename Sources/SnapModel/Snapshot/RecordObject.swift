package import SnapDigest

/// What the catalogue knows of a snapshot, stored with it, so that a lost catalogue can be rebuilt (`docs/format.md`
/// section 8).
package struct RecordObject: Hashable, Sendable {
    package struct Label: Hashable, Sendable {
        package let key: String
        package let value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// 16 bytes.
    package var id: [UInt8]
    package var org: String
    package var name: String
    package var tag: String?
    package var manifest: Digest
    /// Since 1970; negative values cannot be stored.
    package var createdMilliseconds: Int64
    package var creator: String?
    /// Sorted by key.
    package var labels: [Label]
    package var parent: [UInt8]?
    package var visibility: SnapshotVisibility

    package init(
        id: [UInt8], org: String, name: String, tag: String?, manifest: Digest, createdMilliseconds: Int64,
        creator: String? = nil, labels: [Label] = [], parent: [UInt8]? = nil,
        visibility: SnapshotVisibility = .organization
    ) {
        self.id = id
        self.org = org
        self.name = name
        self.tag = tag
        self.manifest = manifest
        self.createdMilliseconds = createdMilliseconds
        self.creator = creator
        self.labels = labels
        self.parent = parent
        self.visibility = visibility
    }

    /// - Throws: ``FormatError`` for what ``decode(_:)`` would refuse: an invalid name or label, a time before 1970.
    package func encode() throws(FormatError) -> [UInt8] {
        try check()
        let labelMembers = labels.map { ($0.key, Optional(CanonicalJSON.text($0.value))) }
        let bytes = try CanonicalJSON.members([
            ("created", .integer(createdMilliseconds.magnitude)), ("creator", creator.map { .text($0) }),
            ("format", .integer(1)), ("id", .text(Hex.encode(id))),
            ("labels", labels.isEmpty ? nil : .members(labelMembers)), ("manifest", .text(manifest.description)),
            ("name", .text(name)), ("org", .text(org)), ("parent", parent.map { .text(Hex.encode($0)) }),
            ("tag", tag.map { .text($0) }), ("visibility", .text(visibility.rawValue)),
        ]).encode()
        guard bytes.count <= Limits.recordBytesMax else {
            throw FormatError(.limit, "The record takes \(bytes.count) bytes, over 1 MiB: give fewer labels.")
        }
        return bytes
    }

    private func check() throws(FormatError) {
        guard createdMilliseconds >= 0 else { throw FormatError(.range, "A record from before 1970 cannot be stored.") }
        guard id.count == 16, parent.map({ $0.count == 16 }) ?? true else {
            throw FormatError(.range, "The id of a record is not 16 bytes long.")
        }
        guard SnapshotName.isValid(org), SnapshotName.isValid(name), tag.map(SnapshotName.isValidTag) ?? true else {
            throw FormatError(.range, "The record has no valid name.")
        }
        for label in labels where !SnapshotName.isValidLabelKey(label.key) {
            throw FormatError(.range, "The label \(escaped(Array(label.key.utf8))) has no valid key.")
        }
        guard Set(labels.map(\.key)).count == labels.count else {
            throw FormatError(.order, "A label of the record stands twice.")
        }
    }

    package static func decode(_ bytes: [UInt8]) throws(FormatError) -> RecordObject {
        guard bytes.count <= Limits.recordBytesMax else {
            throw FormatError(.limit, "A record of \(bytes.count) bytes is over the limit.")
        }
        var fields = try JSONFields(CanonicalJSON.decode(bytes, "record"), "record")
        guard try fields.integer("format") == 1 else { throw fields.error("format", "is not 1") }
        guard let created = Int64(exactly: try fields.integer("created")) else {
            throw fields.error("created", "is out of range")
        }
        guard let visibility = SnapshotVisibility(rawValue: try fields.text("visibility")) else {
            throw fields.error("visibility", "is unknown")
        }
        var record = RecordObject(
            id: try fields.identifier("id"), org: try fields.text("org"), name: try fields.text("name"),
            tag: try fields.optionalText("tag"), manifest: try fields.digest("manifest"),
            createdMilliseconds: created, creator: try fields.optionalText("creator"), visibility: visibility)
        if fields.has("parent") { record.parent = try fields.identifier("parent") }
        if let json = fields.take("labels") { record.labels = try labels(json) }
        try fields.end()
        guard SnapshotName.isValid(record.org), SnapshotName.isValid(record.name),
            record.tag.map(SnapshotName.isValidTag) ?? true
        else { throw fields.error("name", "is no valid name") }
        return record
    }

    private static func labels(_ json: CanonicalJSON) throws(FormatError) -> [Label] {
        guard case .object(let members) = json, !members.isEmpty else {
            throw FormatError(.unknown, "The labels of a record are no object.")
        }
        var labels: [Label] = []
        for member in members {
            guard case .string(let bytes) = member.value, let text = String(validating: bytes, as: UTF8.self),
                SnapshotName.isValidLabelKey(member.key)
            else { throw FormatError(.unknown, "A label of a record is malformed.") }
            labels.append(Label(key: member.key, value: text))
        }
        return labels
    }
}

extension JSONFields {
    fileprivate mutating func identifier(_ field: String) throws(FormatError) -> [UInt8] {
        guard let bytes = Hex.decode(try text(field)), bytes.count == 16 else {
            throw error(field, "is no record id")
        }
        return bytes
    }
}
