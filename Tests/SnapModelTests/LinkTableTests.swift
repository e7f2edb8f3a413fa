import SnapModel
import TestSupport
import Testing

/// Tables of hard links, however the stream is cut.
@Suite struct LinkTableTests {
    private func read(_ pieces: [[UInt8]]) throws -> [LinkGroup] {
        var reader = LinkTableReader()
        var groups: [LinkGroup] = []
        for piece in pieces {
            reader.append(piece)
            while let group = try reader.next() { groups.append(group) }
        }
        try reader.end()
        return groups
    }

    private func randomGroups(_ generator: inout SeededGenerator) -> [LinkGroup] {
        var paths: Set<[UInt8]> = []
        for _ in 0..<Int.random(in: 2...60, using: &generator) {
            let names = (0..<Int.random(in: 1...4, using: &generator)).map { _ -> [UInt8] in
                let count = Int.random(in: 1...40, using: &generator)
                return generator.bytes(count).map { $0 == 0 || $0 == 0x2f || $0 == 0x2e ? 0x61 : $0 }
            }
            paths.insert(Array(names.joined(separator: [0x2f])))
        }
        var groups: [[[UInt8]]] = []
        for path in paths.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            if let last = groups.indices.last, groups[last].count < 2 || generator.next() % 3 > 0 {
                groups[last].append(path)
            } else {
                groups.append([path])
            }
        }
        return groups.filter { $0.count > 1 }.map { LinkGroup(paths: $0) }
    }

    @Test func slicesDoNotMatter() throws {
        var generator = SeededGenerator(seed: TestScale.seed("link table"))
        for _ in 0..<(40 * TestScale.factor) {
            let groups = randomGroups(&generator)
            let stream = try groups.flatMap { try $0.encode() }
            #expect(try read([stream]) == groups)
            #expect(try read(stream.map { [$0] }) == groups)
            var pieces: [[UInt8]] = [[]]
            var start = 0
            while start < stream.count {
                let end = min(stream.count, start + Int.random(in: 0...100, using: &generator))
                pieces.append(Array(stream[start..<end]))
                start = end
            }
            #expect(try read(pieces) == groups)
        }
    }

    @Test func groupsThatAreNone() throws {
        for paths in [
            [], ["a"], ["b", "a"], ["a", "a"], ["", "a"], ["/a", "b"], ["a/", "b"], ["a//b", "c"], [".", "a"],
            ["../a", "b"], ["a/../b", "c"], ["a", "b/."], ["a\u{0}", "b"], ["a", String(repeating: "x", count: 256)],
        ] {
            let group = LinkGroup(paths: paths.map { Array($0.utf8) })
            #expect(throws: FormatError.self, "\(paths)") { try group.encode() }
            let bytes = Naive.varint(UInt64(paths.count)) + paths.flatMap { Naive.string(Array($0.utf8)) }
            #expect(throws: FormatError.self, "\(paths)") { try read([bytes]) }
            #expect(throws: FormatError.self, "\(paths)") { try read(bytes.map { [$0] }) }
        }
    }

    /// What is wrong is said before the rest of a group has come: nobody makes us hold 64 MiB of nonsense.
    @Test func mistakesAreSeenEarly() throws {
        for (bytes, code): ([UInt8], FormatError.Code) in [
            (Naive.varint(1), .range), (Naive.varint(0), .range), (Naive.varint(1 << 31), .range),
            (Naive.varint(.max), .range), (Naive.varint(1000) + [1, 0x2f], .range),
            (Naive.varint(1000) + [1, 0x62, 1, 0x61], .order), (Naive.varint(1000) + Naive.varint(1 << 40), .range),
            (Naive.varint(2) + [0], .range),
        ] {
            var reader = LinkTableReader()
            reader.append(bytes)
            let error = #expect(throws: FormatError.self, "\(bytes)") { try reader.next() }
            #expect(error?.code == code, "\(bytes)")
        }
    }

    /// A path of 5,000 directories is a legal one.
    @Test func longPaths() throws {
        let name = [UInt8](repeating: 0x78, count: 255)
        let path = Array([[UInt8]](repeating: name, count: 5000).joined(separator: [0x2f]))
        let group = LinkGroup(paths: [path, path + [0x2f, 0x79]])
        #expect(path.count > 1 << 20)
        let stream = try group.encode()
        let pieces = stride(from: 0, to: stream.count, by: 65_536).map {
            Array(stream[$0..<min($0 + 65_536, stream.count)])
        }
        #expect(try read(pieces) == [group])
    }

    /// A hundred thousand names of one node, in pieces: each byte is looked at once, or this would take minutes.
    @Test func aLargeGroupInSmallPieces() throws {
        let names = 100_000..<(100_000 + 100_000 * min(TestScale.factor, 8))
        let group = LinkGroup(paths: names.map { Array("d/\($0)".utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
        let stream = try group.encode()
        let pieces = stride(from: 0, to: stream.count, by: 997).map { Array(stream[$0..<min($0 + 997, stream.count)]) }
        #expect(try read(pieces) == [group])
    }

    @Test func aGroupOver64MiBIsRefusedOnBothSides() async {
        // In a process of its own, because it takes hundreds of megabytes.
        await #expect(processExitsWith: .success) {
            // Two paths, of as many bytes as make a group of 64 MiB, and one more.
            for (more, isAllowed) in [(0, true), (1, false)] {
                let long = [UInt8](repeating: 0x78, count: 255)
                let most = Array([[UInt8]](repeating: long, count: 131_071).joined(separator: [0x2f]))
                let rest = LinkTableReader.groupBytesMax - 9 - 2 * most.count - 1 + more
                let paths = [most, most + [0x2f] + long + [0x2f] + [UInt8](repeating: 0x79, count: rest - 256)]
                let stream = Naive.varint(2) + paths.flatMap { Naive.string($0) }
                try #require(stream.count == LinkTableReader.groupBytesMax + more)
                var reader = LinkTableReader()
                reader.append(stream)
                if isAllowed {
                    try #require(LinkGroup(paths: paths).encode() == stream)
                    try #require(reader.next()?.paths == paths)
                } else {
                    #expect(throws: FormatError.self) { try LinkGroup(paths: paths).encode() }
                    #expect(throws: FormatError.self) { try reader.next() }
                }
            }
        }
    }
}
