internal import SnapChunking
internal import SnapCore
internal import SnapIO
internal import SnapModel

/// Reads the members of an archive: contents go to the sink, entries to a sorter.
struct TarCollector {
    private let reader: TarReader
    private let objects: ObjectWriter
    private let contents: ContentWriter
    private let accounts: TarAccounts
    private let progress: Progress
    private var metadataReader: MetadataReader
    private var links: TarLinks
    /// Members so far; the number of the one at hand.
    private var number: UInt64 = 0
    /// Every version of every path.
    let entries: RecordSorter
    private(set) var report = WalkReport()

    init(
        _ reader: TarReader, objects: ObjectWriter, accounts: TarAccounts, progress: Progress,
        makeSorter: @escaping () -> RecordSorter
    ) throws {
        self.reader = reader
        self.objects = objects
        self.accounts = accounts
        self.progress = progress
        contents = try ContentWriter(objects, threads: Kernel.processorCount)
        metadataReader = MetadataReader(times: .keep, owner: nil, objects: objects)
        links = TarLinks(makeSorter: makeSorter)
        entries = makeSorter()
    }

    mutating func collect() throws {
        while let member = try reader.next() {
            try progress.check()
            number += 1
            do {
                try add(member)
            } catch let error as FormatError {
                var reason = error.message
                if reason.last == "." { reason.removeLast() }
                throw StoreError.refusedMember(member.path, reason)
            }
            progress.add(entries: 1)
        }
        report.counts.foreignAttributes = metadataReader.foreignAttributes
        if reader.hasMoreAfterEnd {
            report.warnings.append(
                Warning(
                    .unsupported, path: [],
                    message: "The stream goes on after the end mark of the archive: what follows was left out."))
        }
    }

    mutating func resolveLinks() throws -> TarLinks.Answers { try links.resolve(entries) }

    private mutating func warn(_ path: [UInt8], _ rest: String) {
        report.warnings.append(Warning(.unsupported, path: path, message: "\(shown(path)) \(rest)"))
    }

    private mutating func add(_ member: TarMember) throws {
        let path = try TarPath.normalized(member.path)
        let place = TarRecord.place(TarPath.key(path), number)
        guard !path.isEmpty || member.type == .directory else {
            throw FormatError(.range, "the root of an archive must be a directory")
        }
        if member.type == .hardLink {
            let target: [UInt8]
            do {
                target = try TarPath.normalized(member.linkName)
            } catch {
                throw FormatError(
                    error.code, "it is a hard link to \(shown(member.linkName)), which cannot be: \(error.message)")
            }
            try entries.append(place + TarDefinition.encode(target: TarPath.key(target)))
            try links.add(place: place, number: number, target: TarPath.key(target))
            return
        }
        var entry = Entry(
            name: path.split(separator: 47).last.map { Array($0) } ?? [], metadata: try metadata(member, path),
            node: .fifo)
        var chunks: UInt64 = 0
        (entry.node, chunks) = try node(member, path)
        try entries.append(place + TarDefinition.encode(entry, chunks: chunks))
    }

    private mutating func metadata(_ member: TarMember, _ path: [UInt8]) throws -> Metadata {
        guard let uid = UInt32(exactly: member.uid), let gid = UInt32(exactly: member.gid), uid <= Limits.idMax,
            gid <= Limits.idMax
        else { throw FormatError(.range, "it belongs to \(member.uid):\(member.gid), which cannot be") }
        let attributes = member.attributes + accessLists(member, path)
        var mode = member.mode
        let list = attributes.first { $0.name == Array("system.posix_acl_access".utf8) }
        if let list, let permissions = TarACL.mode(list.value) { mode = mode & 0o7000 | permissions }
        let status = NodeStatus(
            kind: member.type == .symbolicLink ? .symbolicLink : .file, mode: mode, uid: uid, gid: gid,
            modified: member.modified, changed: member.modified, inode: number)
        for attribute in attributes where attribute.value.count > Limits.attributeBytesMax {
            throw FormatError(
                .limit, "its attribute \(shown(attribute.name)) has \(attribute.value.count) bytes; 65536 is the most"
            )
        }
        return try metadataReader.metadata(status, attributes)
    }

    /// Access control lists from their texts, unless they came as attributes.
    private mutating func accessLists(_ member: TarMember, _ path: [UInt8]) -> [SourceAttribute] {
        let texts = [("access", member.accessList), ("default", member.defaultList)]
        var lists: [SourceAttribute] = []
        for (kind, text) in texts {
            let name = Array("system.posix_acl_\(kind)".utf8)
            guard let text, !member.attributes.contains(where: { $0.name == name }) else { continue }
            switch TarACL.parse(text, accounts: accounts.number(isGroup:_:)) {
            case .success(let value):
                // All files have such a list in an archive of GNU tar.
                if kind == "access", TarACL.isMode(value) { continue }
                lists.append(SourceAttribute(name: name, value: value))
            case .failure(.unknownAccount(let account)):
                warn(
                    path,
                    "lost its access control list: it names \(shown(account)), an account not known here.")
            case .failure(.malformed):
                warn(path, "lost its access control list, which is none: \(shown(text)).")
            }
        }
        return lists
    }

    /// What the member is; a file's bytes are read. With the chunks that it refers to.
    private mutating func node(_ member: TarMember, _ path: [UInt8]) throws -> (Node, UInt64) {
        switch member.type {
        case .directory: return (.directory(objects.digest([])), 0)
        case .symbolicLink:
            guard !member.linkName.contains(0) else {
                throw FormatError(.range, "its target has a zero byte in it")
            }
            return (.symbolicLink(member.linkName), 0)
        case .characterDevice:
            let (major, minor) = try device(member)
            return (.characterDevice(major: major, minor: minor), 0)
        case .blockDevice:
            let (major, minor) = try device(member)
            return (.blockDevice(major: major, minor: minor), 0)
        case .fifo: return (.fifo, 0)
        case .file: break
        default:
            // As POSIX wants it.
            let letter = shown([member.type.rawValue])
            warn(path, "has the unknown type \(letter), and was taken for a regular file.")
        }
        let written = try contents.write(.contentDefined, expecting: member.archivedBytes) {
            [reader, progress] buffer in
            try progress.counting { try reader.read(into: buffer) }
        }
        return (.file(written.content), written.chunks)
    }

    private func device(_ member: TarMember) throws(FormatError) -> (UInt32, UInt32) {
        guard let major = UInt32(exactly: member.major), let minor = UInt32(exactly: member.minor) else {
            throw FormatError(.range, "it is the device \(member.major):\(member.minor), which cannot be")
        }
        return (major, minor)
    }
}
