import SnapChunking
import SnapDigest
import SnapModel
import Testing

/// Where streams are cut, whatever way they are delivered.
@Suite struct ChunkVectorTests {
    enum Delivery: CaseIterable { case whole, small, holes }

    @Test(arguments: Delivery.allCases)
    func streamsAreCut(_ delivery: Delivery) throws {
        let cutter = StreamCutter()
        let hash = try SHA256()
        for vector in try Vectors.all.get().chunks {
            let what: Comment = "\(vector.name), cut \(vector.cut), \(delivery)"
            let data = build(vector.pieces)
            #expect(hash.digest(data).hex == vector.sha256, what)
            let cut = try #require(Cut(rawValue: vector.cut))
            var segments: [Segment] = []
            var source = Source(data: data, delivery: delivery)
            try cutter.cut(cut == .pages ? .pages : .contentDefined, read: { source.read($0) }) { segment in
                switch segment {
                case .data(let bytes, _): segments.append(.data(hash.digest(bytes), size: UInt32(bytes.count)))
                case .zeros(let size): segments.append(.zeros(size: size))
                }
            }
            guard data.count > Limits.inlineBytesMax else { continue }
            let sizes = segments.map { segment in
                if case .zeros(let size) = segment { -Int64(size) } else { Int64(segment.size) }
            }
            #expect(sizes == vector.sizes, what)
            let objects = EmittedObjects()
            var builder = ListBuilder(cut: cut, emit: objects.emit)
            for segment in segments { try builder.append(segment) }
            var writer = ByteWriter()
            try builder.finish().encode(to: &writer)
            try vector.content.check(writer.bytes, "\(what)")
            #expect(objects.sortedDigests(.list) == vector.lists.map(\.digest), what)
        }
    }

    @Test func linkTablesAreCut() throws {
        let cutter = StreamCutter()
        for vector in try Vectors.all.get().linkTables {
            let stream = try vector.sortedGroups().flatMap { try LinkGroup(paths: $0).encode() }
            let objects = EmittedObjects()
            var builder = ListBuilder(cut: .contentDefined, emit: objects.emit)
            var sizes: [Int] = []
            var source = Source(data: stream, delivery: .whole)
            try cutter.cut(.contentDefined, read: { source.read($0) }) { segment in
                guard case .data(let bytes, _) = segment else { return }
                sizes.append(bytes.count)
                try builder.append(.data(try SHA256().digest(bytes), size: UInt32(bytes.count)))
            }
            #expect(sizes == vector.sizes, "\(vector.title)")
            #expect("sha256:" + (try builder.finishList().hex) == vector.links.list, "\(vector.title)")
            #expect(UInt64(stream.count) == vector.links.length)
        }
    }
}

/// Bytes in memory, delivered in one of several ways.
private struct Source {
    let data: [UInt8]
    let delivery: ChunkVectorTests.Delivery
    var at = 0

    mutating func read(_ buffer: UnsafeMutableRawBufferPointer) -> CutInput {
        guard at < data.count else { return .end }
        if delivery == .holes, let zeros = zerosHere() {
            at += zeros
            return .zeros(UInt64(zeros))
        }
        // Odd sizes, so that blocks and reads do not meet.
        let wanted = delivery == .whole ? buffer.count : min(buffer.count, 777 + at % 5000)
        let count = min(wanted, data.count - at)
        data.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[at..<at + count])) }
        at += count
        return .bytes(count)
    }

    /// Zeros from here on, if a file system could have a hole here.
    private func zerosHere() -> Int? {
        guard at % 4096 == 0 else { return nil }
        let zeros = data[at...].prefix { $0 == 0 }.count
        return zeros >= 4096 ? zeros / 4096 * 4096 : nil
    }
}
