internal import SnapCore
internal import SnapIO
internal import SnapModel
internal import Synchronization

/// The regular files of a restore, written on several threads while the walk goes on.
///
/// A directory gets its metadata when the walk has left it and the last of its files is written, on the thread that
/// finds that so. A big file is cut into parts, which are written side by side. Memory: a frame a thread, and a queue of a
/// few files.
final class FileQueue: Sendable {
    /// Files longer than this are written in parts of about as much, and of so many chunks.
    static let partBytes: UInt64 = 4 << 20
    static let partPiecesMax = 1024
    /// Small files go to a thread together: so many, of so many bytes, in so many directories, which stay open meanwhile.
    private static let batchMax = 32
    private static let batchBytes: UInt64 = 1 << 20
    private static let batchDirectoriesMax = 8

    private struct Batch {
        var jobs: [(job: FileWriter.Job, directory: OpenDirectory, order: UInt64)] = []
        var bytes: UInt64 = 0
        var directories = 0

        mutating func add(_ job: FileWriter.Job, _ directory: OpenDirectory, order: UInt64) {
            if jobs.last?.directory !== directory { directories += 1 }
            bytes += job.content.length
            jobs.append((job, directory, order))
        }

        var isFull: Bool {
            jobs.count >= FileQueue.batchMax || bytes >= FileQueue.batchBytes
                || directories >= FileQueue.batchDirectoriesMax
        }
    }

    /// Of the walk's thread.
    private let batch = Mutex(Batch())
    let makeWriter: @Sendable () -> FileWriter
    let placer: ContentPlacer
    /// Nil with one job: then everything is written by the calling thread.
    private let pool: WorkerPool?
    private let found = Mutex(OrderedWarnings())
    private let kept = Atomic<UInt64>(0)

    /// - Parameter makeWriter: Called for each file; its warnings are collected.
    init(jobs: Int, makeWriter: @escaping @Sendable () -> FileWriter) throws(IOError) {
        self.makeWriter = makeWriter
        placer = makeWriter().placer
        pool = jobs > 1 ? try WorkerPool(threads: jobs, queueMax: 2 * jobs) : nil
    }

    /// Files found complete from an earlier run.
    var keptFiles: UInt64 { kept.load(ordering: .relaxed) }
    var warnings: WarningList { found.withLock { $0.list } }

    /// - Parameter order: Of the entry in the walk.
    func note(_ warnings: WarningList, order: UInt64) {
        guard !warnings.isEmpty else { return }
        found.withLock { $0.add(warnings, order: order) }
    }

    /// Writes a file before it returns.
    func write(_ job: FileWriter.Job, order: UInt64) throws {
        var writer = makeWriter()
        defer { note(writer.nodes.warnings, order: order) }
        try Self.naming(job.path) {
            if try writer.write(job) { kept.wrappingAdd(1, ordering: .relaxed) }
        }
    }

    /// Writes a file some time before ``wait()`` returns, and then perhaps finishes its directory.
    func submit(_ job: FileWriter.Job, in directory: OpenDirectory, order: UInt64) throws {
        if let pool, job.content.length > Self.partBytes {
            return try submitParts(of: job, in: directory, order: order, pool)
        }
        directory.begin()
        let full = batch.withLock { batch -> Batch? in
            batch.add(job, directory, order: order)
            guard batch.isFull else { return nil }
            defer { batch = Batch() }
            return batch
        }
        if let full { try submit(full) }
    }

    private func submit(_ batch: Batch) throws {
        guard let pool else { return try write(batch) }
        try pool.submit { [self] in try write(batch) }
    }

    private func write(_ batch: Batch) throws {
        var group = FileGroup(self)
        for item in batch.jobs {
            let isInGroup = try Self.naming(item.job.path) {
                try group.add(item.job, item.directory, order: item.order)
            }
            if isInGroup { continue }
            try write(item.job, order: item.order)
            try end(item.directory)
        }
        try group.write()
    }

    /// The walk reads the list of chunks, the threads write them.
    private func submitParts(
        of job: FileWriter.Job, in directory: OpenDirectory, order: UInt64, _ pool: WorkerPool
    ) throws {
        var writer = makeWriter()
        let opened = try Self.naming(job.path) { try writer.begin(job) }
        note(writer.nodes.warnings, order: order)
        guard let file = opened else {
            kept.wrappingAdd(1, ordering: .relaxed)
            return
        }
        let placer = placer
        let progress = writer.progress
        try Self.naming(job.path) { try Kernel.truncate(file, to: job.content.length) }
        directory.begin()
        // One for the walk, which may still add parts.
        let left = Countdown(1)
        let endPart: @Sendable () throws -> Void = { [self] in
            guard left.end() else { return }
            var writer = makeWriter()
            defer { note(writer.nodes.warnings, order: order) }
            try Self.naming(job.path) { try writer.finish(file, job) }
            try end(directory)
        }
        var part: [ContentPlacer.Piece] = []
        var bytes: UInt64 = 0
        func flush() throws {
            let pieces = part
            guard !pieces.isEmpty else { return }
            (part, bytes) = ([], 0)
            left.begin()
            try pool.submit {
                try Self.naming(job.path) { try placer.write(pieces, to: file) { progress.add(bytes: $0) } }
                try endPart()
            }
        }
        try placer.forEachPiece(of: job.content) { piece in
            part.append(piece)
            bytes += UInt64(piece.size)
            if bytes >= Self.partBytes || part.count == Self.partPiecesMax { try flush() }
        }
        try flush()
        try endPart()
    }

    /// The walk has left a directory.
    func leave(_ directory: OpenDirectory, _ place: OpenDirectory.Place) throws {
        directory.leave(place)
        try end(directory)
    }

    /// A file of the directory is written, or the walk has left it.
    func end(_ directory: OpenDirectory) throws {
        guard let place = directory.end() else { return }
        var nodes = makeWriter().nodes
        defer { note(nodes.warnings, order: place.order) }
        try Self.naming(place.path) {
            try nodes.finish(place.descriptor, directory.metadata, path: place.path)
        }
    }

    /// Waits until all that was submitted is written.
    ///
    /// - Throws: The first error of any thread.
    func wait() throws {
        let rest = batch.withLock { batch in
            defer { batch = Batch() }
            return batch
        }
        try submit(rest)
        try pool?.wait()
    }

    /// Waits until no thread writes any more; what waits is not written.
    func stop() { pool?.stop() }

    /// Adds the path to errors that have none.
    static func naming<Result>(_ path: [UInt8], _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as IOError where error.path.isEmpty {
            throw IOError(errno: error.errno, operation: error.operation, path: Array(path.prefix(4096)))
        }
    }
}

/// A directory that is being filled by the walk and by threads that write its files.
final class OpenDirectory: Sendable {
    /// Where it is, from when the walk leaves it: of all that the walk is in, the descriptors would be too many, and the
    /// paths take memory by the square of the depth.
    struct Place {
        let descriptor: Descriptor
        let path: [UInt8]
        /// Of the last entry in it.
        let order: UInt64
    }

    let metadata: Metadata
    private let left = Countdown(1)
    private let place = Mutex<Place?>(nil)

    init(_ metadata: Metadata) {
        self.metadata = metadata
    }

    func leave(_ place: Place) { self.place.withLock { $0 = place } }
    func begin() { left.begin() }

    /// Where it is, when that was the last: the walk, or a file.
    func end() -> Place? { left.end() ? place.withLock { $0 } : nil }
}
