import SnapChunking
import SnapIO
import SnapModel

/// Cuts streams into chunks, puts them and makes the content that refers to them. Buffers are reused; one a thread.
final class ContentWriter {
    struct Written {
        var content: Content
        /// Chunks referred to, repeated ones each time.
        var chunks: UInt64
    }

    private let objects: ObjectWriter
    private let cutter: StreamCutter

    /// - Parameter threads: How many may cut and hash one big file.
    init(_ objects: ObjectWriter, threads: Int = 1) {
        self.objects = objects
        // One of them is the calling thread; they start with the first big file.
        let helpers = LazyWorkers(threads: threads - 1)
        cutter = StreamCutter(profile: .fastcdc1, threads: threads) { count, body in
            try helpers.concurrently(count, body)
        }
    }

    /// The content of a stream: inline up to 64 bytes, else segments.
    /// - Parameters:
    ///   - expected: about how many bytes come.
    ///   - read: fills the buffer and says with how much, or that zeros follow, or that the stream has ended.
    func write(
        _ cut: Cut, expecting expected: UInt64 = 0, read: (UnsafeMutableRawBufferPointer) throws -> CutInput
    ) throws -> Written {
        var list = ListBuilder(cut: cut) { [objects] kind, bytes in try objects.put(kind, bytes) }
        var prefix = Prefix()
        var chunks: UInt64 = 0
        try cutter.cut(cut == .pages ? .pages : .contentDefined, expecting: expected) { buffer in
            let input = try read(buffer)
            prefix.add(input, buffer)
            return input
        } emit: { segment in
            switch segment {
            case .data(let bytes, let known):
                // A stream that ends within 64 bytes is inline: nothing would refer to its chunk.
                if prefix.length <= UInt64(Limits.inlineBytesMax), prefix.hasEnded { return }
                chunks += 1
                let digest = try objects.put(.chunk, bytes, digest: known)
                try list.append(.data(digest, size: UInt32(bytes.count)))
            case .zeros(let size):
                try list.append(.zeros(size: size))
            }
        }
        guard prefix.length > UInt64(Limits.inlineBytesMax) else {
            return Written(
                content: Content(cut: .contentDefined, length: prefix.length, body: .inline(prefix.bytes)), chunks: 0)
        }
        return Written(content: try list.finish(), chunks: chunks)
    }

    /// Stores a stream as a chunk list, however short it is: the link table.
    func writeList(read: (UnsafeMutableRawBufferPointer) throws -> CutInput) throws -> Manifest.Links {
        var list = ListBuilder(cut: .contentDefined) { [objects] kind, bytes in
            try objects.put(kind, bytes)
        }
        var length: UInt64 = 0
        try cutter.cut(.contentDefined, read: read) { segment in
            switch segment {
            case .data(let bytes, let known):
                length += UInt64(bytes.count)
                try list.append(.data(try objects.put(.chunk, bytes, digest: known), size: UInt32(bytes.count)))
            case .zeros(let size):
                length += size
                try list.append(.zeros(size: size))
            }
        }
        return Manifest.Links(length: length, list: try list.finishList())
    }

    /// Follows a stream: its length, and its first bytes in case they are all.
    private struct Prefix {
        private(set) var bytes: [UInt8] = []
        private(set) var length: UInt64 = 0
        private(set) var hasEnded = false

        mutating func add(_ input: CutInput, _ buffer: UnsafeMutableRawBufferPointer) {
            let room = Limits.inlineBytesMax - bytes.count
            switch input {
            case .bytes(let count):
                bytes.append(contentsOf: buffer.prefix(min(count, room)))
                length += UInt64(count)
            case .zeros(let count):
                bytes.append(contentsOf: repeatElement(0, count: Int(min(count, UInt64(room)))))
                length += count
            case .end:
                hasEnded = true
            }
        }
    }
}
