package import SnapCore
package import SnapDigest
package import SnapIO
package import SnapModel

/// What an export wrote.
package struct TarExportResult: Sendable {
    /// Members, the root included.
    package var entryCount: UInt64 = 0
    /// Length of the archive.
    package var bytes: UInt64 = 0
    /// What is not in the archive: then the command exits with 3.
    package var warnings = WarningList()
    /// What the user should know though nothing went wrong: sentences.
    package var notices: [String] = []
}

/// Writes a snapshot as a tar archive: POSIX.1-2001 (pax), with the extensions that GNU tar and libarchive read for
/// extended attributes, access control lists and sparse files. The same snapshot gives the same bytes.
///
/// Cost: reads every file once, and the chunk lists of those with holes three times. Memory: a tree node a level of
/// depth.
package struct TarExport {
    private let load: ObjectLoader
    private let scratch: () throws -> Descriptor
    private let progress: Progress

    /// - Parameters:
    ///   - load: Reads objects, checked against their digests.
    ///   - scratch: opens an unnamed file for reading and writing.
    package init(
        load: @escaping ObjectLoader, progress: Progress = Progress(), scratch: @escaping () throws -> Descriptor
    ) {
        self.load = load
        self.scratch = scratch
        self.progress = progress
    }

    /// - Parameter write: Takes the next bytes of the archive.
    package func run(
        manifest digest: Digest, write: @escaping ([UInt8]) throws -> Void
    ) throws(StoreError) -> TarExportResult {
        try StoreError.mapped {
            progress.enter(.reading)
            let manifest = try Manifest.decode(load(ObjectKey(.manifest, digest)))
            let root = try RootNode.decode(load(ObjectKey(.tree, manifest.root)))
            let links = try TarExportLinks(manifest.links, load: load) {
                RecordSorter(scratch: scratch)
            }
            var walk = TarExportWalk(load: load, progress: progress, output: TarOutput(write), links: links)
            try walk.run(root)
            var result = walk.result
            if manifest.kind != .directory {
                result.notices.append(
                    "A tar archive has files only: what else the \(manifest.kind.rawValue) is, such as its "
                        + "configuration, is not in it.")
            }
            return result
        }
    }
}

/// Walks a tree and writes its entries. Iterative: the depth costs memory, not stack.
private struct TarExportWalk {
    private struct Level {
        var cursor: TreeCursor
        let path: [UInt8]
    }

    private let load: ObjectLoader
    private let progress: Progress
    private let output: TarOutput
    private var links: TarExportLinks
    private var levels: [Level] = []
    private(set) var result = TarExportResult()

    init(load: @escaping ObjectLoader, progress: Progress, output: TarOutput, links: TarExportLinks) {
        self.load = load
        self.progress = progress
        self.output = output
        self.links = links
    }

    mutating func run(_ root: Entry) throws {
        if case .directory(let digest) = root.node {
            try writeHeader(root, path: [], .directory)
            levels.append(Level(cursor: try TreeCursor(root: digest, load: load), path: []))
        } else {
            // A disk image; restored under this name too.
            try write(root, path: Array("image".utf8))
        }
        while !levels.isEmpty {
            let depth = levels.count - 1
            guard let entry = try levels[depth].cursor.next() else {
                levels.removeLast()
                continue
            }
            let parent = levels[depth].path
            try write(entry, path: parent.isEmpty ? entry.name : parent + [47] + entry.name)
        }
        try links.end()
        try output.finish()
        result.bytes = output.bytes
    }

    private mutating func write(_ entry: Entry, path: [UInt8]) throws {
        try progress.check()
        progress.add(entries: 1)
        let first = try links.meet(path, entry)
        if case .socket = entry.node {
            return result.warnings.append(
                Warning(
                    .unsupported, path: path,
                    message: "\(escaped(path)) is a socket, which a tar archive cannot hold: it was left out."))
        }
        if let first {
            // What it is, the member says that it links to.
            return try writeHeader(entry, path: path, .hardLink) { $0.linkName = Self.dotted(first) }
        }
        switch entry.node {
        case .file(let content): try writeFile(entry, content, path)
        case .directory(let digest):
            try writeHeader(entry, path: path, .directory)
            levels.append(Level(cursor: try TreeCursor(root: digest, load: load), path: path))
        case .symbolicLink(let target):
            try writeHeader(entry, path: path, .symbolicLink) { $0.linkName = target }
        case .characterDevice(let major, let minor):
            try writeHeader(entry, path: path, .characterDevice) {
                ($0.major, $0.minor) = (UInt64(major), UInt64(minor))
            }
        case .blockDevice(let major, let minor):
            try writeHeader(entry, path: path, .blockDevice) { ($0.major, $0.minor) = (UInt64(major), UInt64(minor)) }
        case .fifo: try writeHeader(entry, path: path, .fifo)
        case .socket: break
        }
    }

    /// With `./` before it, so that no name is taken for an option.
    private static func dotted(_ path: [UInt8]) -> [UInt8] { [46, 47] + path }

    private mutating func writeHeader(
        _ entry: Entry, path: [UInt8], _ type: TarType, _ fill: (inout TarMember) -> Void = { _ in }
    ) throws {
        var member = TarMember(path: Self.dotted(path), type: type)
        if type == .directory, !path.isEmpty { member.path.append(47) }
        member.mode = entry.metadata.mode
        member.uid = UInt64(entry.metadata.uid)
        member.gid = UInt64(entry.metadata.gid)
        member.modified = entry.metadata.modified
        // Those of a hard link are those of its file.
        if type != .hardLink { try addAttributes(entry.metadata.attributes, to: &member) }
        fill(&member)
        try output.append(member.encode())
        result.entryCount += 1
    }

    private func addAttributes(_ attributes: [ExtendedAttribute], to member: inout TarMember) throws {
        for attribute in attributes {
            let value: [UInt8]
            switch attribute.value {
            case .inline(let bytes): value = bytes
            case .chunk(let digest, _): value = try load(ObjectKey(.chunk, digest))
            }
            if PosixACL.isACL(attribute.name), let text = TarACL.text(value) {
                if attribute.name.last == UInt8(ascii: "t") {
                    member.defaultList = text
                } else {
                    member.accessList = text
                }
            } else {
                member.attributes.append(SourceAttribute(name: attribute.name, value: value))
            }
        }
    }
}

// MARK: Files

extension TarExportWalk {
    private mutating func writeFile(_ entry: Entry, _ content: Content, _ path: [UInt8]) throws {
        let layout = try TarLayout(content, load: load)
        try writeHeader(entry, path: path, .file) {
            $0.size = content.length
            $0.isSparse = layout.sparse != nil
            $0.archivedBytes = layout.sparse?.archivedBytes ?? content.length
        }
        if let sparse = layout.sparse {
            try writeMap(sparse, content)
        }
        if case .inline(let bytes) = content.body {
            try output.append(bytes)
            progress.add(bytes: content.length)
        } else {
            try writeData(content)
        }
        try output.pad()
    }

    private func writeMap(_ sparse: TarLayout.Sparse, _ content: Content) throws {
        try output.append(TarSparse.line(sparse.extents))
        var cursor = try TarExtentCursor(content, load: load)
        while let extent = try cursor.next() {
            try output.append(TarSparse.line(extent.offset) + TarSparse.line(extent.size))
        }
        try output.appendZeros(UInt64(sparse.mapPadding))
    }

    private func writeData(_ content: Content) throws {
        var segments = try SegmentCursor(content, load: load)
        var offset: UInt64 = 0
        while let segment = try segments.next() {
            try progress.check()
            switch segment {
            case .data(let digest, let size):
                let bytes = try load(ObjectKey(.chunk, digest))
                guard bytes.count == Int(size) else {
                    throw FormatError(.range, "A chunk has \(bytes.count) bytes where the file says \(size).")
                }
                try output.append(bytes)
            case .zeros(let size):
                let hole = TarExtentCursor.hole(at: offset, size, in: content.length)
                try output.appendZeros(size - (hole.map { $0.upperBound - $0.lowerBound } ?? 0))
            }
            offset += segment.size
            progress.add(bytes: segment.size)
        }
    }
}
