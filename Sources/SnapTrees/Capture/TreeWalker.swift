import Glibc
import SnapCore
import SnapIO
import SnapModel

/// Walks a tree and builds its objects, directories after what is in them.
///
/// Iterative, so depth costs no stack. Memory: for each directory on the way down its names and one node of its tree.
struct TreeWalker<Source: TreeSource> {
    /// One directory on the way down.
    private struct Level {
        let name: [UInt8]
        let status: NodeStatus
        let metadata: Metadata
        /// nil for a directory that is kept empty.
        var names: Source.Names?
        var builder: TreeBuilder
        /// Length of the path before this directory's name was added.
        let parentPathBytes: Int
    }

    private var source: Source
    private let bounds: WalkBounds
    private var entries: EntryReader
    private let progress: Progress
    private var levels: [Level] = []
    /// Of the name at hand, relative to the root.
    private var path: [UInt8] = []
    private var rootDevice: UInt64 = 0
    private(set) var report = WalkReport()
    private var links: LinkCollector
    private var cache: StatCache?
    /// Sends the scout of a read-ahead to where the walk is; nil once it was sent.
    private var sendScout: (([UInt8]) throws -> ReadAhead)?

    init(
        _ source: Source, bounds: WalkBounds, entries: EntryReader, links: LinkCollector, cache: StatCache?,
        progress: Progress, sendScout: (([UInt8]) throws -> ReadAhead)? = nil
    ) {
        self.sendScout = sendScout
        self.source = source
        self.bounds = bounds
        self.entries = entries
        self.links = links
        self.cache = cache
        self.progress = progress
    }

    /// Walks everything below the source's first directory and returns the entry of that directory, without a name.
    mutating func walk() throws -> Entry {
        rootDevice = try source.status().device
        guard source.fileSystem != .kernelInterface else {
            throw StoreError(
                .invalid, "The directory to capture belongs to the kernel's own file systems (/proc, /sys).",
                hint: "Capture the root above it: such directories are kept empty.")
        }
        guard try push(name: [], parentPathBytes: 0) else {
            throw StoreError(.invalid, "The directory to capture is the store itself: name another one.")
        }
        while true {
            if let name = levels[levels.count - 1].names?.next() {
                try visit(name)
            } else {
                let entry = try pop()
                if levels.isEmpty {
                    report.counts.entries += 1
                    return entry
                }
                try leave()
                try append(entry)
            }
        }
    }

    /// Ends the link table of the walk: nil if there are no groups.
    mutating func writeLinks() throws -> Manifest.Links? {
        let groups = try links.finish(&report)
        guard !groups.isEmpty else { return nil }
        var stream = try LinkStream(groups)
        return try entries.writeList { try stream.next(into: $0) }
    }

    /// Ends what reads ahead of the walk.
    ///
    /// - Throws: What a thread could not put, whether or not the walk wanted it.
    func finishReadAhead() throws { try entries.ahead?.finish() }

    /// Ends the stat cache of the walk; nil if there is none.
    mutating func finishCache() -> StatCacheUpdate? { cache?.finish() }

    /// Captures one name in the current directory. A node that changes meanwhile is looked at again, some times.
    private mutating func visit(_ name: [UInt8]) throws {
        let parentPathBytes = path.count
        if !path.isEmpty { path.append(UInt8(ascii: "/")) }
        path.append(contentsOf: name)
        var descended = false
        defer { if !descended { path.removeSubrange(parentPathBytes...) } }

        var attempt = 1
        while true {
            try progress.check()
            do {
                let looked = Kernel.bootNanoseconds()
                let status = try source.status(of: name)
                let isDirectory = status.kind == .directory
                if !bounds.exclude.isEmpty, bounds.exclude.excludes(path, isDirectory: isDirectory) {
                    report.counts.excluded += 1
                    return
                }
                if isDirectory {
                    descended = try descend(into: name, parentPathBytes: parentPathBytes)
                    return
                }
                let isLast = attempt > CaptureLimits.retries
                if try captureNode(name, status, looked: looked, isLast: isLast) { return }
            } catch let error as IOError {
                switch Fault(error) {
                case .replaced where attempt <= CaptureLimits.retries:
                    break
                case .fatal:
                    throw error
                case .vanished:
                    return report.warn(.vanished, path, "was there and is gone: it was left out.")
                case .unreadable, .replaced:
                    return report.warn(.unreadable, path, "cannot be read and was left out: \(error)")
                }
            } catch is NodeReplaced where attempt <= CaptureLimits.retries {
            } catch is NodeReplaced {
                return report.warn(.changed, path, "was replaced each time it was read: it was left out.")
            } catch let error as FormatError {
                return report.warn(.unsupported, path, "was left out: \(error.message)")
            }
            pause(attempt)
            attempt += 1
        }
    }

    /// Reads what is no directory and adds its entry; false if it changed meanwhile and is to be read again.
    private mutating func captureNode(_ name: [UInt8], _ status: NodeStatus, looked: Int64, isLast: Bool) throws -> Bool
    {
        let result = try links.entry(of: status, name: name) ?? readNode(name, status, looked: looked)
        let isStable = try result.isConfirmed || source.status(of: name).isSameVersion(as: status)
        guard isStable || isLast else { return false }

        try append(result.entry)
        if case .file(let content) = result.entry.node {
            report.counts.files += 1
            report.counts.logicalBytes &+= content.length
            report.counts.chunks &+= result.chunks
            if result.isFromCache { report.counts.unchangedFiles += 1 }
            // What was read has been counted as it came.
            if result.readBytes == 0 { progress.add(bytes: content.length) }
            if isStable, canTrustTimes {
                cache?.add(
                    path, status,
                    StatCache.Found(content: content, chunks: result.chunks, hasAttributes: result.hasAttributes))
            }
        }
        if status.links > 1, path.count <= CaptureLimits.linkPathBytesMax {
            try links.add(result, status, path: path)
        }
        if !isStable {
            report.warn(
                .changed, path,
                "changed each of the \(CaptureLimits.retries + 1) times it was read: "
                    + "the last reading was kept, which may be part old, part new.")
        }
        return true
    }

    private var canTrustTimes: Bool { source.fileSystem == .changesShowInTimes }

    private mutating func readNode(_ name: [UInt8], _ status: NodeStatus, looked: Int64) throws -> EntryReader.Result {
        var cached: StatCache.Found?
        if status.kind == .file, status.size > 0, canTrustTimes, let cache,
            let found = self.cache?.content(of: path, status),
            try entries.objects.reuse(found.content, isHeld: cache.isHeld)
        {
            cached = found
        }
        let result = try entries.read(name, status, looked: looked, from: source, cached: cached)
        report.counts.foreignAttributes = entries.foreignAttributes
        report.counts.readBytes += result.readBytes
        if let send = sendScout, ReadAhead.pays(afterReading: report.counts.readBytes) {
            sendScout = nil
            entries.ahead = try send(path)
        }
        return result
    }

    /// Makes the directory the current one; false if it is left out.
    private mutating func descend(into name: [UInt8], parentPathBytes: Int) throws -> Bool {
        try source.enter(name)
        do {
            if try push(name: name, parentPathBytes: parentPathBytes) { return true }
        } catch {
            try leave()
            throw error
        }
        try leave()
        report.notices.append("The store lies in the tree, at \(escaped(path)), and was left out.")
        return false
    }

    private mutating func leave() throws {
        do {
            try source.leave()
        } catch {
            guard error.errno == ESTALE else { throw error }
            throw StoreError(
                .io, "A directory above \(escaped(path)) was moved while it was captured.",
                hint: "Try again when nothing moves directories there.")
        }
    }

    /// Begins with the current directory; false if it is the store, which is left out.
    private mutating func push(name: [UInt8], parentPathBytes: Int) throws -> Bool {
        let status = try source.status()
        if let store = bounds.store, store.isSameNode(as: status) { return false }
        let isKernelInterface = source.fileSystem == .kernelInterface
        let isKeptEmpty = isKernelInterface || (bounds.oneFileSystem && status.device != rootDevice)
        var metadata = try entries.directoryMetadata(name, status, isKernelInterface ? [] : try source.attributes())
        // The kernel makes these times up anew at each boot.
        if isKernelInterface { metadata.modified = entries.times.applied(to: .init(seconds: 0, nanoseconds: 0)) }
        levels.append(
            Level(
                name: name, status: status, metadata: metadata, names: isKeptEmpty ? nil : try source.names(),
                builder: entries.treeBuilder(), parentPathBytes: parentPathBytes))
        return true
    }

    /// Ends the current directory: its entry. The source still has to leave it.
    private mutating func pop() throws -> Entry {
        var level = levels.removeLast()
        if level.names != nil, let after = try? source.status(), !after.isSameVersion(as: level.status) {
            report.warn(
                .changed, path, "changed while it was read: names may be missing that were moved or made meanwhile.")
        }
        let top = try level.builder.finish()
        path.removeSubrange(level.parentPathBytes...)
        return Entry(name: level.name, metadata: level.metadata, node: .directory(top))
    }

    private mutating func append(_ entry: Entry) throws {
        try levels[levels.count - 1].builder.append(entry)
        report.counts.entries += 1
        progress.add(entries: 1)
    }

    /// Waits a little before a node is looked at again, longer each time.
    private func pause(_ attempt: Int) {
        Kernel.sleep(milliseconds: UInt32(5 << attempt))
    }
}
