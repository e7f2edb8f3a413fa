internal import SnapCore
internal import SnapIO
internal import SnapModel

/// Writes one regular file, on whichever thread.
struct FileWriter {
    /// A file to be written. By reference: it goes through several hands, and has many parts to count references of.
    final class Job: Sendable {
        let entry: Entry
        let content: Content
        let directory: Descriptor
        let path: [UInt8]
        /// Something with its name may be in the directory.
        let mayExist: Bool
        /// It is restored into a directory that is none of the snapshot's.
        let isAlone: Bool

        init(
            entry: Entry, content: Content, directory: Descriptor, path: [UInt8], mayExist: Bool, isAlone: Bool
        ) {
            self.entry = entry
            self.content = content
            self.directory = directory
            self.path = path
            self.mayExist = mayExist
            self.isAlone = isAlone
        }
    }

    let options: RestoreOptions
    let placer: ContentPlacer
    let progress: Progress
    /// A file with the right length and time has the right bytes.
    let trustsTimes: Bool
    var nodes: NodeWriter

    /// - Returns: Whether it was there already, as the snapshot has it.
    mutating func write(_ job: Job) throws -> Bool {
        guard let file = try begin(job) else { return true }
        try placer.write(job.content, to: file) { progress.add(bytes: $0) }
        try finish(file, job)
        return false
    }

    /// Opens an empty file of that name; nil when what is there is what the snapshot has.
    mutating func begin(_ job: Job) throws -> Descriptor? {
        if job.mayExist {
            if try keep(job) {
                progress.add(bytes: job.content.length)
                return nil
            }
            try TreeRemover.remove(job.entry.name, in: job.directory)
        }
        let file = try Kernel.openBeneath(
            job.directory, job.entry.name,
            [options.verify ? .readWrite : .writeOnly, .create, .exclusive, .noFollow],
            mode: firstMode(job))
        if job.isAlone { try? Kernel.removeAttribute(file, Self.accessACL) }
        return file
    }

    /// Gives a file that has its bytes what else it is to have.
    mutating func finish(_ file: Descriptor, _ job: Job) throws {
        if options.verify, try !placer.isEqual(job.content, to: file) {
            throw StoreError(
                .corrupt, "\(escaped(job.path)) reads back other than it was written.",
                hint: "Check the disk and memory of the machine, then run the restore again.")
        }
        try nodes.finish(file, job.entry.metadata, path: job.path, madeWith: firstMode(job))
        try file.close()
    }

    private func firstMode(_ job: Job) -> UInt32 { job.isAlone ? 0o600 : nodes.firstMode(job.entry.metadata) }

    /// Inherited from a directory whose default rules are not ours to remove.
    private static let accessACL = Array("system.posix_acl_access".utf8)

    /// Whether a file that is there is what the snapshot has. After an interrupted restore its metadata tells: the time
    /// is set last. To overwrite, its attributes and bytes are compared; bytes also after a power cut, and to verify.
    private mutating func keep(_ job: Job) throws -> Bool {
        let metadata = job.entry.metadata
        let status = try Kernel.status(in: job.directory, job.entry.name)
        guard status.type == .regular, status.size == job.content.length, nodes.isFinished(status, metadata) else {
            return false
        }
        if options.overwrite, status.links > 1 { return false }
        var file: Descriptor?
        do throws(IOError) {
            file = try Kernel.openBeneath(job.directory, job.entry.name, [.readOnly, .noFollow, .nonBlocking])
        } catch {
            // It may forbid its owner to read.
            guard error.isPermission else { throw error }
        }
        if options.overwrite || options.verify || !trustsTimes {
            guard let file, try placer.isEqual(job.content, to: file) else { return false }
            if options.overwrite, try !nodes.hasAttributes(file, metadata) { return false }
        }
        try nodes.warnOfWhatIsMissing(status, file, metadata, path: job.path)
        return true
    }
}
