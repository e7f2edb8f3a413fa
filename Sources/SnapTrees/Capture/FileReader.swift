import SnapChunking
import SnapIO

/// Reads a file from front to back for a cutter and skips its holes.
///
/// Reads as many bytes as the file had when it was opened: what is appended meanwhile belongs to a later capture. A file
/// that ends earlier ends the stream, and the caller finds its status changed.
struct FileReader<File: SourceFile> {
    private let file: File
    private let size: UInt64
    private var offset: UInt64 = 0
    /// Up to where there are data without a hole.
    private var dataEnd: UInt64
    /// Bytes of data read.
    private(set) var readBytes: UInt64 = 0

    init(_ file: File, status: NodeStatus) {
        self.file = file
        size = status.size
        // A shorter hole makes no zero segment, and reading it costs less than asking for it.
        let mayHaveHoles = status.allocatedBytes < status.size && status.size >= 64 << 10
        dataEnd = mayHaveHoles ? 0 : status.size
    }

    mutating func next(into buffer: UnsafeMutableRawBufferPointer) throws(IOError) -> CutInput {
        guard offset < size else { return .end }
        if offset >= dataEnd {
            let data = min(try file.nextData(from: offset) ?? size, size)
            if data > offset {
                let zeros = data - offset
                offset = data
                dataEnd = data
                return .zeros(zeros)
            }
            dataEnd = min(try file.nextHole(from: offset), size)
            guard dataEnd > offset else { return .end }
        }
        let count = Int(min(UInt64(buffer.count), dataEnd - offset))
        let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
        guard got > 0 else { return .end }
        offset += UInt64(got)
        readBytes += UInt64(got)
        return .bytes(got)
    }
}
