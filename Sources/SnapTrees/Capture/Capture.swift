package import SnapCore
import SnapDigest
import SnapIO
import SnapModel

/// Reads a tree of the machine's file systems and puts its objects into a sink.
///
/// Time: one status and one attribute listing a name, one read of each file that changed since the last capture of the
/// same root. Memory: bounded by the largest directory (about 30 bytes a name) and the depth, not by the tree.
package struct Capture {
    private let sink: any ObjectSink
    private let options: CaptureOptions
    private let org: String
    private let progress: Progress

    private let linkMemoryBytesMax: Int

    /// - Parameters:
    ///   - org: whose capture it is: a stat cache says what one organisation holds.
    ///   - linkMemoryBytesMax: names of hard links kept in memory before they go to a scratch file, in bytes.
    package init(
        sink: any ObjectSink, options: CaptureOptions, org: String = "local", progress: Progress = Progress(),
        linkMemoryBytesMax: Int = 16 << 20
    ) {
        self.linkMemoryBytesMax = linkMemoryBytesMax
        self.sink = sink
        self.options = options
        self.org = org
        self.progress = progress
    }

    /// Captures a directory, or for a checkpoint also a regular file: a disk image.
    ///
    /// Nothing refers to the objects when this returns: the caller commits the manifest, then publishes the stat cache.
    ///
    /// - Throws: `notFound`, `notAllowed`, `invalid` for the directory itself; what the sink throws; `io` when the walk
    ///   cannot go on. What is wrong with single names below it is in the result's warnings.
    package func run(directory path: [UInt8]) throws(StoreError) -> CaptureResult {
        try mapped { try capture(path) }
    }

    /// As ``run(directory:)`` with the bytes of a path.
    package func run(directory path: String) throws(StoreError) -> CaptureResult {
        try run(directory: Array(path.utf8))
    }

    /// Captures a tree that is not the machine's own, without a stat cache.
    package func run(source: some TreeSource) throws(StoreError) -> CaptureResult {
        try mapped {
            let objects = try ObjectWriter(sink: sink)
            return try walk(source, bounds(), cache: nil, entryReader(objects), objects)
        }
    }

    private func mapped(_ body: () throws -> CaptureResult) throws(StoreError) -> CaptureResult {
        do {
            try validate()
            progress.enter(.walking)
            return try body()
        } catch let failure as SinkFailure {
            throw StoreError(mapping: failure.cause)
        } catch let error as FormatError {
            // Of what was to be captured; nothing has been read from the store.
            throw StoreError(.invalid, error.message)
        } catch {
            throw StoreError(mapping: error)
        }
    }

    private func validate() throws {
        guard (options.kind == .checkpoint) == (options.checkpoint != nil) else {
            throw StoreError(.invalid, "A checkpoint needs its directory of files, and nothing else has one.")
        }
        guard options.kind != .directory || options.platform == nil else {
            throw StoreError(.invalid, "A snapshot of kind directory has no platform.")
        }
    }

    private func entryReader(_ objects: ObjectWriter) -> EntryReader {
        EntryReader(
            objects: objects, times: options.times, owner: options.owner, threads: options.threads, progress: progress)
    }

    private func capture(_ path: [UInt8]) throws -> CaptureResult {
        let sink = try SharedSink(sink)
        let objects = try ObjectWriter(sink: sink)
        var entries = entryReader(objects)
        // Before syncfs and the walk: what changes from now on is not settled.
        let walkStart = Kernel.wallNanoseconds()
        // Non-blocking, in case it is a FIFO.
        let root = try Kernel.open(path, [.readOnly, .nonBlocking])
        let status = NodeStatus(try Kernel.status(of: root))
        switch status.kind {
        case .directory:
            let path = cachePath(root: status)
            let cache = path.flatMap { makeCache($0, walkStart: walkStart) }
            let source = try FileSystemSource(root: root)
            let bounds = try bounds()
            guard ReadAhead.isAffordable(threads: options.threads) else {
                return try walk(source, bounds, cache: cache, entries, objects)
            }
            var ahead: ReadAhead?
            defer { ahead?.stop() }
            return try walk(source, bounds, cache: cache, entries, objects) { position in
                let known = cache?.hasOld == true ? path.flatMap { StatCacheReader(path: $0) } : nil
                let started = try ReadAhead(threads: options.threads) { [progress, another = sink.another] in
                    ContentReader(try ObjectWriter(sink: another()), threads: 1, progress: progress)
                }
                ahead = started
                // Without it the walk reads everything itself.
                try? started.start(Scout(source, bounds, cache: known, from: position))
                return started
            }
        case .file where options.kind == .checkpoint:
            var report = WalkReport()
            let entry = try imageEntry(path, status, &entries, &report)
            return try finish(entry, nil, report, entries, objects, statCache: nil)
        default:
            throw StoreError(
                .invalid, "\(escaped(path)) is no directory.",
                hint: "Only a checkpoint can be made of a file, and only of a regular one.")
        }
    }

    private func walk(
        _ source: some TreeSource, _ bounds: WalkBounds, cache: StatCache?, _ entries: EntryReader,
        _ objects: ObjectWriter, sendScout: (([UInt8]) throws -> ReadAhead)? = nil
    ) throws -> CaptureResult {
        var walker = TreeWalker(
            source, bounds: bounds, entries: entries,
            links: LinkCollector(objects: objects, memoryBytesMax: linkMemoryBytesMax, scratch: openScratch),
            cache: cache, progress: progress, sendScout: sendScout)
        let entry = try walker.walk()
        try walker.finishReadAhead()
        sink.beginLinks()
        let links = try walker.writeLinks()
        return try finish(entry, links, walker.report, entries, objects, statCache: walker.finishCache())
    }

    private func bounds() throws -> WalkBounds {
        var bounds = WalkBounds()
        bounds.exclude = options.exclude
        bounds.oneFileSystem = options.oneFileSystem
        if let store = options.storePath { bounds.store = NodeStatus(try Kernel.status(path: store)) }
        return bounds
    }

    private func openScratch() throws -> Descriptor {
        try Kernel.openUnnamed(inDirectory: options.storePath.map { $0 + "/cache" } ?? "/tmp")
    }

    private func cachePath(root: NodeStatus) -> String? {
        guard let store = options.storePath, let hasher = try? SHA256() else { return nil }
        // The directory itself, under whatever path it is reached.
        let key = "\(org)\0\(root.device)\0\(root.inode)"
        return "\(store)/cache/stat/\(hasher.digest(Array(key.utf8)).hex)"
    }

    private func makeCache(_ path: String, walkStart: Int64) -> StatCache? {
        try? Kernel.makeParentDirectories(of: path)
        guard let writer = try? StatCacheWriter(path: path) else { return nil }
        let old = options.rehash || sink.hasDamage ? nil : StatCacheReader(path: path)
        let (seconds, nanoseconds) = walkStart.quotientAndRemainder(dividingBy: 1_000_000_000)
        return StatCache(
            old: old, isHeld: old.map { sink.hasSnapshot($0.manifest) } ?? false, new: writer,
            walkStart: Timestamp(seconds: seconds, nanoseconds: UInt32(clamping: nanoseconds)))
    }

    /// The root of a snapshot that is one file.
    private func imageEntry(
        _ path: [UInt8], _ status: NodeStatus, _ entries: inout EntryReader, _ report: inout WalkReport
    ) throws -> Entry {
        let slash = path.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { Array(path[...$0]) } ?? [UInt8(ascii: ".")]
        let name = slash.map { Array(path[($0 + 1)...]) } ?? path
        let source = try FileSystemSource(root: try Kernel.open(directory, [.readOnly, .directory]))
        let read = try entries.readStable(name, .contentDefined, source) {
            report.warn(.changed, name, "changed each time it was read.")
        }
        let metadata = try entries.directoryMetadata([], status, try source.attributes(of: name))
        report.counts.entries = 1
        report.counts.files = 1
        report.counts.logicalBytes = read.content.length
        report.counts.chunks = read.chunks
        report.counts.readBytes = read.bytes
        return Entry(name: [], metadata: metadata, node: .file(read.content))
    }

    /// Writes the checkpoint's payload, the root and the manifest.
    private func finish(
        _ root: Entry, _ links: Manifest.Links?, _ walked: WalkReport, _ entries: EntryReader, _ objects: ObjectWriter,
        statCache: StatCacheUpdate?
    ) throws -> CaptureResult {
        var report = walked
        var manifest = Manifest(kind: options.kind, root: try objects.put(.tree, try RootNode.encode(root)))
        manifest.config = options.config
        manifest.platform = options.platform
        manifest.links = links
        if let checkpoint = options.checkpoint {
            let payload = try CheckpointPayload(checkpoint, entries: entries).capture(&report)
            manifest.checkpoint = checkpoint.described(payload: payload)
        }
        let digest = try objects.put(.manifest, try manifest.encode())
        statCache?.belongs(to: digest)
        return CaptureResult(
            manifest: digest, kind: options.kind, counts: report.counts, warnings: report.warnings,
            notices: report.allNotices, statCache: statCache)
    }
}
