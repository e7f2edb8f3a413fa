import SnapChunking
import SnapIO
import SnapModel

/// Reads the bytes of regular files and puts their chunks. One a thread.
final class ContentReader {
    /// What was read of a file.
    struct Read {
        var content: Content
        /// Chunks that it refers to.
        var chunks: UInt64
        var bytes: UInt64
        /// Whether the file has extended attributes.
        var hasAttributes: Bool
        /// When all of that was read: nanoseconds since the machine started.
        var ended = Kernel.bootNanoseconds()
    }

    let writer: ContentWriter
    private let progress: Progress

    init(_ objects: ObjectWriter, threads: Int, progress: Progress) {
        writer = ContentWriter(objects, threads: threads)
        self.progress = progress
    }

    /// Reads a file whose status the caller has just read.
    ///
    /// - Throws: ``NodeReplaced`` if another node has taken the name.
    func read(_ name: [UInt8], _ status: NodeStatus, from source: some TreeSource, _ cut: Cut) throws -> Read {
        let file = try source.open(name)
        let opened = try file.status()
        guard opened.isSameNode(as: status) else { throw NodeReplaced() }
        var reader = FileReader(file, status: opened)
        let written = try writer.write(cut, expecting: opened.size) { [progress] buffer in
            try progress.counting { try reader.next(into: buffer) }
        }
        return Read(
            content: written.content, chunks: written.chunks, bytes: reader.readBytes,
            hasAttributes: try file.hasAttributes())
    }
}
