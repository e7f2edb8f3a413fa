import SnapChunking
import SnapCore
import SnapIO
import SnapModel

/// Reads files before the walk comes to them, on several threads.
///
/// A *scout* goes the same way ahead of the walk and hands the files that it meets to threads. Nothing depends on it: what
/// was read counts only if the file had then the very status that the walk finds before and after; whatever the scout
/// could not do, or did in vain, the walk does itself. It begins once the walk has read some files, where the walk is by
/// then: where hardly anything changed, it never does.
///
/// Memory: what is known of some hundred files, and a buffer of 1 MiB a thread.
final class ReadAhead: Sendable {
    /// Bytes that the walk reads itself before the scout begins.
    private static let quietBytes: UInt64 = 2 << 20
    /// Files that may have been read before the walk comes to them.
    private static let filesMax = 1024
    /// Small files go to a thread together: so many, of so many bytes.
    private static let batchMax = 16
    private static let batchBytes: UInt64 = 256 << 10

    private struct NodeID: Hashable {
        let device: UInt64
        let inode: UInt64

        init(_ status: NodeStatus) { (device, inode) = (status.device, status.inode) }
    }

    private enum Slot {
        case waiting
        case read(ContentReader.Read, NodeStatus)
        /// The walk is to try for itself.
        case failed
        /// The store is.
        case sinkFailed(SinkFailure)
    }

    private struct State {
        var slots: [NodeID: Slot] = [:]
        /// In the order of the walk; those before `first` are gone.
        var order: [NodeID] = []
        var first = 0
        var isOver = false

        /// Forgets the files that come before `id`: the walk has passed them.
        mutating func drop(before id: NodeID) {
            while first < order.count, order[first] != id {
                slots[order[first]] = nil
                first += 1
            }
            if first > ReadAhead.filesMax {
                order.removeFirst(first)
                first = 0
            }
        }
    }

    /// A file to be read, and where.
    private struct Job: Sendable {
        let name: [UInt8]
        let status: NodeStatus
        let directory: FileSystemSource
    }

    private let state = Monitor(State())
    private let readers: WorkerPool
    private let scouts: WorkerPool
    private let idle = Monitor([ContentReader]())
    private let makeReader: @Sendable () throws -> ContentReader

    init(threads: Int, makeReader: @escaping @Sendable () throws -> ContentReader) throws(IOError) {
        self.makeReader = makeReader
        readers = try WorkerPool(threads: threads, queueMax: 2 * threads)
        scouts = try WorkerPool(threads: 1, queueMax: 1)
    }

    /// What was read of the file with this status, if it was: waits for who is about to.
    ///
    /// - Throws: ``SinkFailure``.
    func take(_ status: NodeStatus) throws -> ContentReader.Read? {
        let id = NodeID(status)
        let slot: Slot? = state.wait { state in
            switch state.slots[id] {
            case nil: return .some(nil)
            case .waiting: return nil
            case let slot?: return slot
            }
        }
        guard let slot else { return nil }
        state.change { state in
            state.drop(before: id)
            state.slots[id] = nil
        }
        switch slot {
        case .read(let read, let then): return then.isSameVersion(as: status) ? read : nil
        case .sinkFailed(let failure): throw failure
        case .failed, .waiting: return nil
        }
    }

    /// Sends the scout ahead.
    func start(_ scout: Scout) throws {
        try scouts.submit { [self] in
            var scout = scout
            var batch: [Job] = []
            var bytes: UInt64 = 0
            // What goes wrong on the way is for the walk to say.
            try? scout.run { name, status, directory in
                guard announce(status) else { return false }
                batch.append(Job(name: name, status: status, directory: directory))
                bytes += status.size
                if batch.count >= Self.batchMax || bytes >= Self.batchBytes {
                    try submit(batch)
                    (batch, bytes) = ([], 0)
                }
                return true
            }
            try? submit(batch)
        }
    }

    /// Says that a file will be read, once there is room; false when the walk is over.
    private func announce(_ status: NodeStatus) -> Bool {
        state.wait { state -> Bool? in
            if state.isOver { return false }
            guard state.slots.count < Self.filesMax else { return nil }
            let id = NodeID(status)
            if state.slots.updateValue(.waiting, forKey: id) == nil { state.order.append(id) }
            return true
        }
    }

    private func submit(_ jobs: [Job]) throws {
        do {
            try readers.submit { [self] in
                let reader = try? idle.withLock { $0.popLast() } ?? makeReader()
                for job in jobs {
                    let slot = reader.map { read(job, $0) } ?? .failed
                    state.change { $0.slots[NodeID(job.status)] = slot }
                }
                if let reader { idle.withLock { $0.append(reader) } }
            }
        } catch {
            // Or the walk would wait for them.
            state.change { state in for job in jobs { state.slots[NodeID(job.status)] = .failed } }
            throw error
        }
    }

    private func read(_ job: Job, _ reader: ContentReader) -> Slot {
        guard !state.withLock({ $0.isOver }) else { return .failed }
        do {
            return .read(try reader.read(job.name, job.status, from: job.directory, .contentDefined), job.status)
        } catch let failure as SinkFailure {
            return .sinkFailed(failure)
        } catch {
            return .failed
        }
    }

    /// Returns when nothing is read any more.
    func stop() {
        state.change { $0.isOver = true }
        scouts.stop()
        readers.stop()
    }

    /// Whether the walk has read enough by itself.
    static func pays(afterReading bytes: UInt64) -> Bool { bytes >= quietBytes }
}

/// Goes the way of a walk, as far as it leads to files that must be read. It is handed to one thread.
struct Scout: @unchecked Sendable {
    private struct Level {
        var names: IndexingIterator<DirectoryNames>
        let pathBytes: Int
    }

    private var source: FileSystemSource
    private let bounds: WalkBounds
    private var cache: StatCacheReader?
    private var path: [UInt8] = []
    /// Where the walk was when the scout began: what comes before is passed over.
    private let position: [UInt8]

    /// - Parameters:
    ///   - source: At its root.
    ///   - cache: What the walk's own cache knows, read once more.
    init(_ source: FileSystemSource, _ bounds: WalkBounds, cache: StatCacheReader?, from position: [UInt8]) {
        self.source = source
        self.bounds = bounds
        self.cache = cache
        self.position = position
    }

    /// Calls `meet` with each file to be read, until it returns false.
    mutating func run(_ meet: ([UInt8], NodeStatus, FileSystemSource) throws -> Bool) throws {
        let device = try source.status().device
        let canTrustTimes = source.fileSystem == .changesShowInTimes
        var levels = [Level(names: try source.names(), pathBytes: 0)]
        while !levels.isEmpty {
            path.removeSubrange(levels[levels.count - 1].pathBytes...)
            guard let name = levels[levels.count - 1].names.next() else {
                levels.removeLast()
                if !levels.isEmpty { try source.leave() }
                continue
            }
            if !path.isEmpty { path.append(UInt8(ascii: "/")) }
            path += name
            let leadsToPosition = position.starts(with: path)
            if path.walkPrecedes(position), !leadsToPosition { continue }
            guard let status = try? source.status(of: name), status.device == device else { continue }
            let isDirectory = status.kind == .directory
            if !bounds.exclude.isEmpty, bounds.exclude.excludes(path, isDirectory: isDirectory) { continue }
            if isDirectory {
                if let store = bounds.store, store.isSameNode(as: status) { continue }
                guard (try? source.enter(name)) != nil else { continue }
                guard let names = try? source.names() else {
                    try source.leave()
                    continue
                }
                levels.append(Level(names: names, pathBytes: path.count))
                continue
            }
            // Big ones are read by several threads when the walk comes to them; of one with several names it knows more.
            guard status.kind == .file, status.size > 0, status.links == 1, status.size < StreamCutter.bigFileBytes
            else { continue }
            if canTrustTimes, let note = cache?.note(for: path), note.matches(status) { continue }
            guard try meet(name, status, source) else { return }
        }
    }
}
