internal import SnapCore
internal import SnapIO
internal import SnapModel

/// Small files that a thread writes together: their chunks are asked for at once and written as they lie in packs, so that
/// a frame which several files share is looked at once.
struct FileGroup {
    private struct Member {
        let job: FileWriter.Job
        let directory: OpenDirectory
        let order: UInt64
        let pieces: Int
        var file: Descriptor?
        var left: Int
    }

    private let files: FileQueue
    private var members: [Member] = []
    /// Of all of them.
    private var pieces: [(member: Int, piece: ContentPlacer.Piece)] = []

    /// - Parameter files: Which counts and finishes what is written.
    init(_ files: FileQueue) {
        self.files = files
    }

    /// Adds a file that is not there yet and consists of a few chunks. Says whether it is one.
    mutating func add(_ job: FileWriter.Job, _ directory: OpenDirectory, order: UInt64) throws -> Bool {
        guard !job.mayExist, case .segments = job.content.body else { return false }
        let first = pieces.count
        try files.placer.forEachPiece(of: job.content) { pieces.append((members.count, $0)) }
        let count = pieces.count - first
        guard count > 0 else { return false }
        members.append(Member(job: job, directory: directory, order: order, pieces: count, file: nil, left: count))
        return true
    }

    mutating func write() throws {
        guard !pieces.isEmpty else { return }
        let all = pieces
        try files.placer.source.several(all.map { ObjectKey(.chunk, $0.piece.digest) }) { number, bytes in
            try write(all[number].piece, bytes, of: all[number].member)
        }
    }

    private mutating func write(_ piece: ContentPlacer.Piece, _ bytes: UnsafeRawBufferPointer, of number: Int) throws {
        let member = members[number]
        var writer = files.makeWriter()
        defer { files.note(writer.nodes.warnings, order: member.order) }
        try FileQueue.naming(member.job.path) {
            // Nil only where something may be there already.
            guard let file = try member.file ?? writer.begin(member.job) else { return }
            try files.placer.check(piece, bytes)
            let length = member.job.content.length
            if member.pieces == 1 {
                try files.placer.writeWhole(bytes, at: piece.offset, to: file, length: length)
            } else {
                if member.file == nil { try Kernel.truncate(file, to: length) }
                try files.placer.place(bytes, at: piece.offset, in: file)
            }
            writer.progress.add(bytes: UInt64(bytes.count))
            members[number].left -= 1
            members[number].file = file
            guard members[number].left == 0 else { return }
            members[number].file = nil
            try writer.finish(file, member.job)
        }
        if members[number].left == 0 { try files.end(member.directory) }
    }
}
