// docs/format.md section 6.

/// One group of names of the same node: root-relative paths, sorted by bytes, at least two.
package struct LinkGroup: Hashable, Sendable {
    package let paths: [[UInt8]]

    package init(paths: [[UInt8]]) {
        self.paths = paths
    }

    /// - Throws: ``FormatError`` when the group is none, or over 64 MiB.
    package func encode() throws(FormatError) -> [UInt8] {
        guard paths.count >= 2 else { throw Self.tooFew }
        for (index, path) in paths.enumerated() { try Self.check(path, after: index == 0 ? nil : paths[index - 1]) }
        var writer = ByteWriter()
        writer.varint(UInt64(paths.count))
        for path in paths { writer.lengthAndBytes(path) }
        guard writer.bytes.count <= LinkTableReader.groupBytesMax else { throw Self.tooLong }
        return writer.bytes
    }

    fileprivate static func check(_ path: [UInt8], after last: [UInt8]?) throws(FormatError) {
        guard isWithinRoot(path) else {
            throw FormatError(
                .range, "A group of hard links names \(shown(path)), which is no path within the root.")
        }
        if let last, !last.lexicographicallyPrecedes(path) {
            throw FormatError(.order, "A group of hard links has \(shown(path)) out of order.")
        }
    }

    /// Whether each name of the path is one. They are looked at where they stand: a path may have 2^25.
    private static func isWithinRoot(_ path: [UInt8]) -> Bool {
        path.withUnsafeBytes { bytes in
            var start = 0
            for index in 0...bytes.count where index == bytes.count || bytes[index] == 47 {
                guard EntryName.isValid(bytes[start..<index]) else { return false }
                start = index + 1
            }
            return true
        }
    }

    fileprivate static let tooFew = FormatError(.range, "A group of hard links has fewer than two names.")
    fileprivate static let tooLong = FormatError(.limit, "A group of hard links takes over 64 MiB.")
}

/// Reads a link table piece by piece; memory is bounded by the largest group, and each byte is looked at once.
package struct LinkTableReader {
    /// Bytes one group may take: two million names of moderate length. Writers make several groups of more.
    package static let groupBytesMax = 64 << 20

    private var pending: [UInt8] = []
    private var start = 0
    /// The group under way: how many paths it promises, those that were there, and the bytes that they took.
    private var promised: UInt64?
    private var paths: [[UInt8]] = []
    private var groupBytes = 0
    private var lastFirst: [UInt8]?

    package init() {}

    /// Adds the next piece of the stream.
    package mutating func append(_ bytes: [UInt8]) {
        pending.removeFirst(start)
        start = 0
        pending += bytes
    }

    /// The next group, if all of it is there.
    ///
    /// - Throws: ``FormatError`` when the groups are out of order, or one is none.
    package mutating func next() throws(FormatError) -> LinkGroup? {
        var reader = ByteReader(pending, "link table", from: start)
        while reader.remaining > 0 {
            do {
                if promised == nil {
                    promised = try reader.varint(max: UInt64(Self.groupBytesMax), "a group of")
                } else {
                    paths.append(try reader.lengthAndBytes(in: 1...Self.groupBytesMax, "path"))
                }
            } catch {
                guard error.code == .truncated else { throw error }
                return nil
            }
            groupBytes += reader.offset - start
            start = reader.offset
            try checkProgress()
            if let promised, promised == paths.count { return takeGroup() }
        }
        return nil
    }

    private mutating func checkProgress() throws(FormatError) {
        guard groupBytes <= Self.groupBytesMax else { throw LinkGroup.tooLong }
        guard let path = paths.last else {
            if let promised, promised < 2 { throw LinkGroup.tooFew }
            return
        }
        try LinkGroup.check(path, after: paths.dropLast().last)
        if paths.count == 1, let lastFirst, !lastFirst.lexicographicallyPrecedes(path) {
            throw FormatError(.order, "The groups of hard links are out of order at \(shown(path)).")
        }
    }

    private mutating func takeGroup() -> LinkGroup {
        defer {
            lastFirst = paths.first
            paths = []
            promised = nil
            groupBytes = 0
        }
        return LinkGroup(paths: paths)
    }

    /// Nothing may be left.
    package func end() throws(FormatError) {
        guard start == pending.count, promised == nil else {
            throw FormatError(.truncated, "A link table ends within a group.")
        }
    }
}
