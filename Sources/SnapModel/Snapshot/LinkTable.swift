// docs/format.md section 6.

/// One group of names of the same node: root-relative paths, sorted by bytes, at least two.
package struct LinkGroup: Hashable, Sendable {
    package let paths: [[UInt8]]

    package init(paths: [[UInt8]]) {
        self.paths = paths
    }

    /// - Throws: ``FormatError`` when the group is none.
    package func encode() throws(FormatError) -> [UInt8] {
        try check()
        var writer = ByteWriter()
        writer.varint(UInt64(paths.count))
        for path in paths { writer.lengthAndBytes(path) }
        return writer.bytes
    }

    fileprivate func check() throws(FormatError) {
        guard paths.count >= 2 else { throw FormatError(.range, "A group of hard links has fewer than two names.") }
        for path in paths {
            let names = path.split(separator: 47, omittingEmptySubsequences: false)
            guard names.allSatisfy({ EntryName.isValid(Array($0)) }) else {
                throw FormatError(
                    .range, "A group of hard links names \(escaped(path)), which is no path within the root.")
            }
        }
        for (path, next) in zip(paths, paths.dropFirst()) where !path.lexicographicallyPrecedes(next) {
            throw FormatError(.order, "A group of hard links has \(escaped(next)) out of order.")
        }
    }
}

/// Reads a link table piece by piece; memory is bounded by the largest group.
package struct LinkTableReader {
    /// Bytes one group may take: two million names of moderate length.
    package static let groupBytesMax = 64 << 20

    /// A group of which some paths have not come yet.
    private struct Partial {
        let count: UInt64
        var paths: [[UInt8]] = []
        var bytes = 0
    }

    private var pending: [UInt8] = []
    private var start = 0
    private var partial: Partial?
    private var last: [UInt8]?

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
        guard start < pending.count, let group = try readGroup() else { return nil }
        try group.check()
        if let last, let first = group.paths.first, !last.lexicographicallyPrecedes(first) {
            throw FormatError(.order, "The groups of hard links are out of order at \(escaped(first)).")
        }
        last = group.paths.first
        return group
    }

    /// Reads on from where the last piece ended, so that each byte is read once however large the group is.
    private mutating func readGroup() throws(FormatError) -> LinkGroup? {
        var reader = ByteReader(pending, "link table", from: start)
        do throws(FormatError) {
            if partial == nil {
                partial = Partial(count: try reader.varint(max: UInt64(Self.groupBytesMax), "a group of"))
                start = reader.offset
            }
            guard var group = partial else { return nil }
            while UInt64(group.paths.count) < group.count {
                // Only ever in one place, so that it grows without being copied.
                partial = nil
                defer { partial = group }
                group.paths.append(try reader.lengthAndBytes(in: 1...(1 << 20), "path"))
                group.bytes += reader.offset - start
                start = reader.offset
                guard group.bytes <= Self.groupBytesMax else {
                    throw reader.error(.limit, "has a group over 64 MiB")
                }
            }
            partial = nil
            return LinkGroup(paths: group.paths)
        } catch {
            guard error.code == .truncated else { throw error }
            return nil
        }
    }

    /// Nothing may be left.
    package func end() throws(FormatError) {
        guard start == pending.count, partial == nil else {
            throw FormatError(.truncated, "A link table ends within a group.")
        }
    }
}
