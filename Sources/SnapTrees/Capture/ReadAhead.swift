import SnapCore
import SnapIO
import SnapModel

/// Reads files before the walk comes to them, on several threads.
///
/// A *scout* goes the same way ahead of the walk and hands the files that it meets to threads. Nothing depends on it: what
/// was read counts only if the status that the scout had seen before is the very one that the walk finds afterwards;
/// whatever the scout could not do, has not begun, or did in vain, the walk does itself. So the walk waits for nothing but
/// a file that is being read. The scout begins once the walk has read some files, where the walk is by then: where hardly
/// anything changed, it never does.
///
/// Memory: what is known of the files between the scout and the walk, which are bounded in number and in bytes, and a
/// buffer of 1 MiB a thread. Descriptors: a directory for each file that waits for its thread, at most.
final class ReadAhead: Sendable {
    /// Bytes that the walk reads itself before the scout begins.
    private static let quietBytes: UInt64 = 2 << 20
    /// Files that may have been read before the walk comes to them, and their bytes.
    private static let filesMax = 1024
    private static let bytesMax: UInt64 = 256 << 20
    /// Larger ones are not read ahead.
    static let fileBytesMax: UInt64 = 64 << 20
    /// Small files go to a thread together: so many, of so many bytes.
    private static let batchMax = 16
    private static let batchBytes: UInt64 = 256 << 10
    /// More would wait for each other: one at a time puts into the store.
    private static let threadsMax = 8
    /// Files in a row that the walk did not find here, though there is no room, after which all here are given up: they
    /// went, or were moved, and the walk will never ask for them.
    private static let missesMax = 64
    /// Descriptors that a process must be allowed: the walk, the scout and the store want some, too.
    private static let openFilesMin: UInt64 = 1024

    private struct NodeID: Hashable {
        let device: UInt64
        let inode: UInt64

        init(_ status: NodeStatus) { (device, inode) = (status.device, status.inode) }
    }

    private enum Stage {
        /// Nobody has begun: whoever comes first reads it, a thread or the walk.
        case announced
        case reading
        case read(ContentReader.Read)
        /// The walk is to try for itself.
        case failed
    }

    private struct Slot {
        /// What the scout saw.
        let status: NodeStatus
        var stage = Stage.announced
    }

    private struct State {
        var slots: [NodeID: Slot] = [:]
        /// In the order of the walk; those before `first` are gone.
        var order: [NodeID] = []
        var first = 0
        /// Of the files in slots.
        var bytes: UInt64 = 0
        var misses = 0
        /// The scout waits: until half of the room is free, lest it be woken for each file.
        var isFull = false
        /// The file that the walk waits for.
        var awaited: NodeID?
        var isOver = false
        /// Of the store: what was to be put is not there, so nothing may be made of what is.
        var failure: SinkFailure?

        var hasRoom: Bool { slots.count < ReadAhead.filesMax && bytes < ReadAhead.bytesMax }

        /// Whether the scout is to be woken, because there is room again.
        mutating func endsFull() -> Bool {
            guard isFull, slots.count <= ReadAhead.filesMax / 2, bytes <= ReadAhead.bytesMax / 2 else { return false }
            isFull = false
            return true
        }

        mutating func add(_ id: NodeID, _ status: NodeStatus) {
            slots[id] = Slot(status: status)
            order.append(id)
            bytes += status.size
        }

        mutating func remove(_ id: NodeID) {
            if let slot = slots.removeValue(forKey: id) { bytes -= slot.status.size }
        }

        /// The walk has asked for a file that is not here.
        mutating func miss() {
            misses = isFull ? misses + 1 : 0
            guard misses > ReadAhead.missesMax else { return }
            (slots, order, first, bytes, misses) = ([:], [], 0, 0, 0)
        }

        /// Forgets a file and those that come before it: the walk has passed them.
        mutating func drop(through id: NodeID) {
            misses = 0
            while first < order.count {
                let next = order[first]
                first += 1
                remove(next)
                if next == id { break }
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

    /// - Throws: ``IOError`` when the kernel gives no thread.
    init(threads: Int, makeReader: @escaping @Sendable () throws -> ContentReader) throws(IOError) {
        self.makeReader = makeReader
        let threads = min(threads, Self.threadsMax)
        // As many as the scout may announce: it waits for room there, not for each batch here.
        readers = try WorkerPool(threads: threads, queueMax: Self.filesMax)
        scouts = try WorkerPool(threads: 1, queueMax: 1)
    }

    /// Whether it pays with so many threads, and this process may open the files that it takes.
    static func isAffordable(threads: Int) -> Bool { threads > 1 && Kernel.openFileLimit() >= openFilesMin }

    /// Whether the walk has read enough by itself.
    static func pays(afterReading bytes: UInt64) -> Bool { bytes >= quietBytes }

    /// What was read of the file with this status, if it was: waits for who is about it.
    ///
    /// - Throws: ``SinkFailure``, as soon as a thread has met one.
    func take(_ status: NodeStatus) throws -> ContentReader.Read? {
        guard Scout.isReadAhead(status) else { return nil }
        let id = NodeID(status)
        let slot: Slot? = try state.wait { state in
            if let failure = state.failure { throw failure }
            guard let slot = state.slots[id] else { return .some(nil) }
            if case .reading = slot.stage {
                state.awaited = id
                return nil
            }
            return slot
        }
        let hasRoomAgain = state.withLock { state in
            state.awaited = nil
            if slot == nil { state.miss() } else { state.drop(through: id) }
            return state.endsFull()
        }
        if hasRoomAgain { state.wake() }
        guard let slot else { return nil }
        guard case .read(let read) = slot.stage, slot.status.isSameVersion(as: status) else { return nil }
        return read
    }

    /// Sends the scout ahead.
    func start(_ scout: Scout) throws {
        try scouts.submit { [self] in
            var scout = scout
            var batch: [Job] = []
            var bytes: UInt64 = 0
            // What goes wrong on the way is for the walk to say.
            try? scout.run { name, status, directory in
                guard let isNew = announce(status) else { return false }
                guard isNew else { return true }
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

    /// Says that a file will be read, once there is room; false for one that was announced under another path; nil when
    /// the walk is over.
    private func announce(_ status: NodeStatus) -> Bool? {
        let id = NodeID(status)
        return state.wait { state -> Bool?? in
            if state.isOver { return .some(nil) }
            if state.slots[id] != nil { return false }
            if !state.hasRoom { state.isFull = true }
            if state.isFull { return nil }
            state.add(id, status)
            return true
        }
    }

    private func submit(_ jobs: [Job]) throws {
        try readers.submit { [self] in
            // Without one the walk reads them itself.
            guard let reader = try? idle.withLock({ $0.popLast() }) ?? makeReader() else { return }
            for job in jobs { read(job, reader) }
            idle.withLock { $0.append(reader) }
        }
    }

    /// Reads a file unless the walk has passed it.
    private func read(_ job: Job, _ reader: ContentReader) {
        let id = NodeID(job.status)
        let isMine = state.withLock { state -> Bool in
            guard !state.isOver, case .announced? = state.slots[id]?.stage else { return false }
            state.slots[id]?.stage = .reading
            return true
        }
        guard isMine else { return }
        let result = Result { try reader.read(job.name, job.status, from: job.directory, .contentDefined) }
        let isAwaited = state.withLock { state in
            switch result {
            case .success(let read): state.slots[id]?.stage = .read(read)
            case .failure(let error):
                state.slots[id]?.stage = .failed
                if let failure = error as? SinkFailure, state.failure == nil { state.failure = failure }
            }
            return state.awaited == id
        }
        if isAwaited { state.wake() }
    }

    /// Returns when nothing is read any more.
    func stop() {
        state.change { $0.isOver = true }
        scouts.stop()
        readers.stop()
    }

    /// As ``stop()``.
    ///
    /// - Throws: ``SinkFailure`` if a thread has met one, whether or not the walk wanted that file.
    func finish() throws {
        stop()
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }
}
