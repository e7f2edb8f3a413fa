import SnapChunking
import SnapDigest
import SnapIO
import SnapModel

/// Reads one name of a source that is no directory, and puts what it refers to.
struct EntryReader {
    struct Result {
        var entry: Entry
        /// Chunks that its content refers to.
        var chunks: UInt64 = 0
        var readBytes: UInt64 = 0
        /// Whether the content was taken from the stat cache.
        var isFromCache = false
        /// Whether it has extended attributes, also such as are left out.
        var hasAttributes = true

        /// Whether all that was read, but for attributes, was read before the status.
        var isOlderThanStatus = false

        /// Whether its status says already that nothing changed while it was read.
        var isConfirmed: Bool { (isFromCache || isOlderThanStatus) && !hasAttributes }
    }

    let objects: ObjectWriter
    let times: TimePolicy
    /// What is read before the walk comes to it.
    var ahead: ReadAhead?
    private let contents: ContentReader
    private var metadataReader: MetadataReader

    init(objects: ObjectWriter, times: TimePolicy, owner: OwnerOverride?, threads: Int, progress: Progress) {
        self.objects = objects
        self.times = times
        contents = ContentReader(objects, threads: threads, progress: progress)
        metadataReader = MetadataReader(times: times, owner: owner, objects: objects)
    }

    /// Attributes left out so far because they belong to one file system.
    var foreignAttributes: UInt64 { metadataReader.foreignAttributes }

    func treeBuilder() -> TreeBuilder {
        TreeBuilder { [objects] kind, bytes in try objects.put(kind, bytes) }
    }

    /// The metadata of a directory.
    /// - Throws: `.limit` if its attributes are more than an entry can hold; found before its children are walked.
    mutating func directoryMetadata(
        _ name: [UInt8], _ status: NodeStatus, _ attributes: [SourceAttribute]
    ) throws -> Metadata {
        let metadata = try metadataReader.metadata(status, attributes)
        if !metadata.attributes.isEmpty {
            let probe = Entry(name: name, metadata: metadata, node: .directory(objects.digest([])))
            guard try probe.encoded().count <= Limits.entryBytesMax else {
                throw FormatError(.limit, "its extended attributes take more than 128 KiB.")
            }
        }
        return metadata
    }

    /// The entry of `name`, whose status the caller has just read.
    /// - Parameters:
    ///   - looked: When the caller began to read the status: nanoseconds since the machine started.
    ///   - cached: its content if it is known to be unchanged.
    /// - Throws: ``NodeReplaced`` if another node has taken the name.
    mutating func read(
        _ name: [UInt8], _ status: NodeStatus, looked: Int64, from source: some TreeSource, cached: StatCache.Found?
    ) throws -> Result {
        var read: ContentReader.Read?
        if status.kind == .file, cached == nil, status.size > 0 {
            read = try readContent(name, status, from: source, .contentDefined)
        }
        // A change of attributes shows in the status, as one of bytes does. By the name they take ten times as long to
        // list as by the open file.
        let mayHaveAttributes = read?.hasAttributes ?? cached?.hasAttributes ?? true
        let attributes = mayHaveAttributes ? try source.attributes(of: name) : []
        let metadata = try metadataReader.metadata(status, attributes)
        var result = Result(entry: Entry(name: name, metadata: metadata, node: .fifo))
        result.hasAttributes = !attributes.isEmpty
        switch status.kind {
        case .file:
            result.entry.node = .file(cached?.content ?? read?.content ?? .empty)
            result.chunks = cached?.chunks ?? read?.chunks ?? 0
            result.readBytes = read?.bytes ?? 0
            result.isOlderThanStatus = (read?.ended ?? looked) < looked
            result.isFromCache = cached != nil
        case .symbolicLink:
            result.entry.node = .symbolicLink(try source.target(of: name))
        case .characterDevice:
            result.entry.node = .characterDevice(major: status.deviceMajor, minor: status.deviceMinor)
        case .blockDevice:
            result.entry.node = .blockDevice(major: status.deviceMajor, minor: status.deviceMinor)
        case .fifo:
            result.entry.node = .fifo
        case .socket:
            result.entry.node = .socket
        case .directory:
            throw NodeReplaced()
        }
        return result
    }

    /// Reads the bytes of a regular file whose status the caller has just read.
    func readContent(
        _ name: [UInt8], _ status: NodeStatus, from source: some TreeSource, _ cut: Cut
    ) throws -> ContentReader.Read {
        if cut == .contentDefined, let read = try ahead?.take(status) { return read }
        return try contents.read(name, status, from: source, cut)
    }

    /// Stores a stream that is always a list: the link table.
    func writeList(_ read: (UnsafeMutableRawBufferPointer) throws -> CutInput) throws -> Manifest.Links {
        try contents.writer.writeList(read: read)
    }
}

/// Another node took the name between two looks at it.
struct NodeReplaced: Error {}
