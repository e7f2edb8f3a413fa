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
        /// Of all pieces.
        let pieces: Range<Int>
        var file: Descriptor?
        var left: Int
    }

    private let files: FileQueue
    private var writer: FileWriter
    private var members: [Member] = []
    private var pieces: [(member: Int, piece: ContentPlacer.Piece)] = []

    /// - Parameter files: Which counts and finishes what is written.
    init(_ files: FileQueue) {
        self.files = files
        writer = files.makeWriter()
    }

    /// Adds a file that is not there yet and consists of chunks, no more than a part of a big one has. Says whether it is one.
    mutating func add(_ job: FileWriter.Job, _ directory: OpenDirectory, order: UInt64) throws -> Bool {
        guard !job.mayExist else { return false }
        // A big one is not to have its list read twice.
        if case .list = job.content.body, job.content.length > FileQueue.partBytes { return false }
        let first = pieces.count
        try writer.placer.forEachPiece(of: job.content) { piece in
            guard pieces.count - first <= FileQueue.partPiecesMax else { return }
            pieces.append((members.count, piece))
        }
        let range = first..<pieces.count
        guard (1...FileQueue.partPiecesMax).contains(range.count) else {
            pieces.removeSubrange(range)
            return false
        }
        members.append(
            Member(job: job, directory: directory, order: order, pieces: range, file: nil, left: range.count))
        return true
    }

    mutating func write() throws {
        guard !pieces.isEmpty else { return }
        try files.placer.source.several(pieces.map { ObjectKey(.chunk, $0.piece.digest) }) { loaded in
            var rest = loaded[...]
            while let first = rest.first {
                let member = pieces[first.number].member
                let ofMember = rest.prefix { members[member].pieces.contains($0.number) }
                rest = rest.dropFirst(ofMember.count)
                try write(ofMember, of: member)
            }
        }
    }

    /// Writes some pieces of a file, and finishes it with the last of them.
    private mutating func write(_ loaded: ArraySlice<LoadedObject>, of number: Int) throws {
        let job = members[number].job
        defer { files.note(writer.nodes.takeWarnings(), order: members[number].order) }
        try FileQueue.naming(job.path) {
            let all = loaded.map { (piece: pieces[$0.number].piece, bytes: $0.bytes) }
            let isWhole = loaded.count == members[number].pieces.count
            // Nil only where something may be there already.
            guard let file = try members[number].file ?? writer.begin(job) else { return }
            if isWhole {
                try writer.placer.placeAll(all, in: file, length: job.content.length)
            } else {
                if members[number].file == nil { try Kernel.truncate(file, to: job.content.length) }
                _ = try writer.placer.place(all, in: file)
            }
            writer.progress.add(bytes: loaded.reduce(0) { $0 + UInt64($1.bytes.count) })
            members[number].left -= loaded.count
            members[number].file = members[number].left == 0 ? nil : file
            if members[number].left == 0 { try writer.finish(file, job) }
        }
        if members[number].left == 0 { try files.end(members[number].directory) }
    }
}
