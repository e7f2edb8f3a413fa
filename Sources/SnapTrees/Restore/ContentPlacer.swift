internal import Glibc
internal import SnapChunking
internal import SnapCore
internal import SnapDigest
internal import SnapIO
internal import SnapModel

/// Writes the bytes of a file, seeking over every aligned 4 KiB block of zeros: a restored file never takes more room
/// than its source did.
struct ContentPlacer: Sendable {
    /// Chunks are asked for together: so many, of so many bytes.
    private static let batchMax = 1024
    private static let batchBytes: UInt64 = 1 << 20

    let source: ObjectSource
    private var load: SharedObjectLoader { source.load }

    init(_ source: ObjectSource) {
        self.source = source
    }

    /// Writes `content` into an empty file.
    ///
    /// - Parameter onBytes: Told of bytes that are written, as they are.
    func write(_ content: Content, to file: Descriptor, onBytes: (UInt64) -> Void) throws {
        // The length first: what a file system allocates ahead of the end of a growing file would stay in its holes.
        try Kernel.truncate(file, to: content.length)
        if case .inline(let bytes) = content.body {
            try bytes.withUnsafeBytes { try place($0, at: 0, in: file) }
            onBytes(UInt64(bytes.count))
        } else {
            var batch: [Piece] = []
            var bytes: UInt64 = 0
            try forEachPiece(of: content) { piece in
                batch.append(piece)
                bytes += UInt64(piece.size)
                guard bytes >= Self.batchBytes || batch.count == Self.batchMax else { return }
                try write(batch, to: file, onBytes: onBytes)
                (batch, bytes) = ([], 0)
            }
            try write(batch, to: file, onBytes: onBytes)
        }
    }

    private static func hasZeroBlock(_ bytes: UnsafeRawBufferPointer) -> Bool {
        stride(from: 0, to: bytes.count, by: ZeroBlocks.blockBytes).contains { start in
            let end = min(bytes.count, start + ZeroBlocks.blockBytes)
            return ZeroBlocks.isZero(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }

    /// A chunk within a file.
    struct Piece: Sendable {
        let digest: Digest
        let size: UInt32
        let offset: UInt64
    }

    /// Writes some chunks of a file that has its length.
    func write(_ pieces: [Piece], to file: Descriptor, onBytes: (UInt64) -> Void) throws {
        try source.several(pieces.map { ObjectKey(.chunk, $0.digest) }) { loaded in
            onBytes(try place(loaded.map { (piece: pieces[$0.number], bytes: $0.bytes) }, in: file))
        }
    }

    /// A piece of a file with its bytes.
    typealias LoadedPiece = (piece: Piece, bytes: UnsafeRawBufferPointer)

    /// Writes pieces of a file that has its length. Returns how many bytes they are.
    func place(_ pieces: some Sequence<LoadedPiece>, in file: Descriptor) throws -> UInt64 {
        var count: UInt64 = 0
        for run in try runs(of: pieces) {
            count += UInt64(run.bytes.count)
            try place(run.bytes, at: run.offset, in: file)
        }
        return count
    }

    /// Writes all pieces of a file that is empty yet. The length of one without holes need not be set.
    func placeAll(_ pieces: some Sequence<LoadedPiece>, in file: Descriptor, length: UInt64) throws {
        let runs = try runs(of: pieces)
        if let run = runs.first, run.offset == 0, run.bytes.count == length, !Self.hasZeroBlock(run.bytes) {
            return try Kernel.write(file, run.bytes, at: 0)
        }
        try Kernel.truncate(file, to: length)
        for run in runs { try place(run.bytes, at: run.offset, in: file) }
    }

    /// Pieces that are neighbours both in memory and in the file, put together: a call writes them.
    private func runs(of pieces: some Sequence<LoadedPiece>) throws -> [(bytes: UnsafeRawBufferPointer, offset: UInt64)]
    {
        var runs: [(bytes: UnsafeRawBufferPointer, offset: UInt64)] = []
        for (piece, bytes) in pieces {
            try check(piece, bytes)
            if let last = runs.last, piece.offset == last.offset + UInt64(last.bytes.count),
                let start = last.bytes.baseAddress,
                bytes.baseAddress == start + last.bytes.count
            {
                runs[runs.count - 1].bytes = UnsafeRawBufferPointer(start: start, count: last.bytes.count + bytes.count)
            } else {
                runs.append((bytes, piece.offset))
            }
        }
        return runs
    }

    /// - Throws: ``FormatError`` when a chunk has another length than the file says.
    private func check(_ piece: Piece, _ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count == Int(piece.size) else {
            throw FormatError(.range, "A chunk has \(bytes.count) bytes where the file says \(piece.size).")
        }
    }

    private func bytes(of piece: Piece) throws -> [UInt8] {
        let bytes = try load(ObjectKey(.chunk, piece.digest))
        try bytes.withUnsafeBytes { try check(piece, $0) }
        return bytes
    }

    /// Calls `body` with each chunk of a file; zero segments are passed over.
    func forEachPiece(of content: Content, _ body: (Piece) throws -> Void) throws {
        var cursor = try SegmentCursor(content, load: load)
        var offset: UInt64 = 0
        while let segment = try cursor.next() {
            if case .data(let digest, let size) = segment {
                try body(Piece(digest: digest, size: size, offset: offset))
            }
            offset += segment.size
        }
    }

    func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, in file: Descriptor) throws {
        var dataStart: Int?
        var position = 0
        while position < bytes.count {
            let inBlock = Int((offset + UInt64(position)) % UInt64(ZeroBlocks.blockBytes))
            let end = min(bytes.count, position + ZeroBlocks.blockBytes - inBlock)
            let isZero = ZeroBlocks.isZero(UnsafeRawBufferPointer(rebasing: bytes[position..<end]))
            if isZero, let start = dataStart {
                try write(bytes[start..<position], at: offset + UInt64(start), in: file)
                dataStart = nil
            } else if !isZero, dataStart == nil {
                dataStart = position
            }
            position = end
        }
        if let start = dataStart { try write(bytes[start...], at: offset + UInt64(start), in: file) }
    }

    private func write(_ bytes: Slice<UnsafeRawBufferPointer>, at offset: UInt64, in file: Descriptor) throws {
        try Kernel.write(file, UnsafeRawBufferPointer(rebasing: bytes), at: offset)
    }

    /// Whether a file's bytes are those of `content`. Reads both.
    func isEqual(_ content: Content, to file: Descriptor) throws -> Bool {
        guard try Kernel.status(of: file).size == content.length else { return false }
        if case .inline(let bytes) = content.body { return try matches(bytes, at: 0, file) }
        var end: UInt64 = 0
        var isEqual = true
        try forEachPiece(of: content) { piece in
            guard isEqual else { return }
            isEqual = try isZero(from: end, to: piece.offset, file) && matches(bytes(of: piece), at: piece.offset, file)
            end = piece.offset + UInt64(piece.size)
        }
        return try isEqual && isZero(from: end, to: content.length, file)
    }

    private func matches(_ bytes: [UInt8], at offset: UInt64, _ file: Descriptor) throws -> Bool {
        try withUnsafeTemporaryAllocation(byteCount: max(bytes.count, 1), alignment: 16) { buffer in
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<bytes.count])
            guard try Kernel.read(file, into: room, at: offset) == bytes.count else { return false }
            return bytes.elementsEqual(room)
        }
    }

    private func isZero(from start: UInt64, to end: UInt64, _ file: Descriptor) throws -> Bool {
        var offset = start
        return try withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { buffer in
            while offset < end {
                // A hole reads as zeros without being read.
                guard let data = try Kernel.seekData(file, from: offset), data < end else { return true }
                offset = data
                let count = Int(min(UInt64(buffer.count), end - offset))
                let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                guard try Kernel.read(file, into: room, at: offset) == count,
                    ZeroBlocks.isZero(UnsafeRawBufferPointer(room))
                else { return false }
                offset += UInt64(count)
            }
            return true
        }
    }
}
