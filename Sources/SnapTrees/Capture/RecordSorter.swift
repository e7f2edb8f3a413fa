import HeapModule
package import SnapIO

/// Sorts any number of byte strings in bounded memory: sorted runs go to a scratch file and are merged when read.
///
/// Append all, then read, as often and by as many cursors at once as wanted. Memory: `memoryBytesMax` while appending,
/// and as much at most for each cursor. The scratch file has no name, so nothing is left behind by a crash.
package final class RecordSorter {
    struct Run {
        var offset: UInt64
        var bytes: UInt64
    }

    private let memoryBytesMax: Int
    private let makeScratch: () throws -> Descriptor
    private var arena: [UInt8] = []
    private var records: [Range<Int>] = []
    private(set) var runs: [Run] = []
    private(set) var scratch: Descriptor?
    private var written: UInt64 = 0

    /// - Parameters:
    ///   - memoryBytesMax: bytes of records kept before a run is written.
    ///   - scratch: opens an unnamed file for reading and writing; asked once, when memory is full for the first time.
    package init(memoryBytesMax: Int = 16 << 20, scratch: @escaping () throws -> Descriptor) {
        self.memoryBytesMax = memoryBytesMax
        self.makeScratch = scratch
    }

    package var isEmpty: Bool { records.isEmpty && runs.isEmpty }

    /// Runs written so far.
    package var runCount: Int { runs.count }

    package func append(_ record: [UInt8]) throws {
        let start = arena.count
        arena.append(contentsOf: record)
        records.append(start..<arena.count)
        if arena.count + records.count * MemoryLayout<Range<Int>>.stride >= memoryBytesMax { try spill() }
    }

    /// The records in byte order, equal ones as often as they were appended. Append nothing while a cursor is in use.
    package func cursor() throws -> Cursor {
        sortRecords()
        // With runs on disk the rest joins them, so that a cursor needs no copy of the arena.
        if !runs.isEmpty && !records.isEmpty { try spill() }
        return try Cursor(self)
    }

    fileprivate func sortRecords() {
        arena.withUnsafeBytes { bytes in
            records.sort { RecordSorter.precedes(bytes[$0], bytes[$1]) }
        }
    }

    private static func precedes(_ left: Slice<UnsafeRawBufferPointer>, _ right: Slice<UnsafeRawBufferPointer>) -> Bool
    {
        UnsafeRawBufferPointer(rebasing: left).precedes(UnsafeRawBufferPointer(rebasing: right))
    }

    private func spill() throws {
        sortRecords()
        let descriptor = try scratch ?? makeScratch()
        scratch = descriptor
        let start = written
        var buffer: [UInt8] = []
        for record in records {
            withUnsafeBytes(of: UInt32(record.count).littleEndian) { buffer.append(contentsOf: $0) }
            buffer.append(contentsOf: arena[record])
            if buffer.count >= 256 << 10 { try flush(&buffer, to: descriptor) }
        }
        try flush(&buffer, to: descriptor)
        runs.append(Run(offset: start, bytes: written - start))
        arena.removeAll(keepingCapacity: true)
        records.removeAll(keepingCapacity: true)
    }

    private func flush(_ buffer: inout [UInt8], to descriptor: Descriptor) throws {
        try buffer.withUnsafeBytes { try Kernel.write(descriptor, $0, at: written) }
        written += UInt64(buffer.count)
        buffer.removeAll(keepingCapacity: true)
    }

    /// Reads the records of a sorter in order.
    package struct Cursor {
        private let sorter: RecordSorter
        private var position = 0
        private var readers: [RunReader] = []
        private var heads = Heap<Head>()

        fileprivate init(_ sorter: RecordSorter) throws {
            self.sorter = sorter
            guard let scratch = sorter.scratch else { return }
            let bufferBytes = max(4 << 10, min(256 << 10, sorter.memoryBytesMax / max(1, sorter.runs.count)))
            for (index, run) in sorter.runs.enumerated() {
                var reader = RunReader(descriptor: scratch, run: run, bufferBytes: bufferBytes)
                if let record = try reader.next() { heads.insert(Head(record: record, run: index)) }
                readers.append(reader)
            }
        }

        package mutating func next() throws -> [UInt8]? {
            if sorter.scratch == nil {
                guard position < sorter.records.count else { return nil }
                defer { position += 1 }
                return Array(sorter.arena[sorter.records[position]])
            }
            guard let head = heads.popMin() else { return nil }
            if let record = try readers[head.run].next() { heads.insert(Head(record: record, run: head.run)) }
            return head.record
        }
    }

    private struct Head: Comparable {
        let record: [UInt8]
        let run: Int

        static func < (left: Head, right: Head) -> Bool { left.record.precedes(right.record) }
    }
}

/// Reads one sorted run from front to back through a buffer.
private struct RunReader {
    let descriptor: Descriptor
    private var offset: UInt64
    private let end: UInt64
    private let bufferBytes: Int
    private var buffer: [UInt8] = []
    private var position = 0

    init(descriptor: Descriptor, run: RecordSorter.Run, bufferBytes: Int) {
        self.descriptor = descriptor
        offset = run.offset
        end = run.offset + run.bytes
        self.bufferBytes = bufferBytes
    }

    mutating func next() throws -> [UInt8]? {
        guard try fill(4) else { return nil }
        let count = buffer.withUnsafeBytes {
            Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: UInt32.self)))
        }
        guard try fill(4 + count) else { return nil }
        defer { position += 4 + count }
        return Array(buffer[(position + 4)..<(position + 4 + count)])
    }

    /// Makes at least `count` bytes available at `position`; false at the end of the run.
    private mutating func fill(_ count: Int) throws -> Bool {
        let available = buffer.count - position
        if available >= count { return true }
        buffer.removeFirst(position)
        position = 0
        let wanted = min(UInt64(max(bufferBytes, count) - available), end - offset)
        if wanted > 0 {
            let old = buffer.count
            buffer.append(contentsOf: repeatElement(0, count: Int(wanted)))
            let got = try buffer.withUnsafeMutableBytes { bytes in
                try Kernel.read(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: bytes[old...]), at: offset)
            }
            buffer.removeLast(Int(wanted) - got)
            offset += UInt64(got)
        }
        return buffer.count >= count
    }
}
