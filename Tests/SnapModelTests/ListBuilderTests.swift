import SnapDigest
import SnapModel
import TestSupport
import Testing

/// Contents of many segments: the builder and the cursor against a whole-level implementation.
@Suite struct ListBuilderTests {
    private func build(_ segments: [Segment]) throws -> (content: Content, objects: Objects) {
        let objects = try Objects()
        var builder = ListBuilder(cut: .contentDefined, emit: objects.put)
        for segment in segments { try builder.append(segment) }
        return (try builder.finish(), objects)
    }

    private func walk(_ content: Content, _ objects: Objects) throws -> [Segment] {
        var cursor = try SegmentCursor(content, load: objects.load)
        var segments: [Segment] = []
        while let segment = try cursor.next() { segments.append(segment) }
        return segments
    }

    private func check(_ segments: [Segment], _ what: String) throws {
        let (content, objects) = try build(segments)
        let expected = try NaiveList(segments)
        #expect(content.length == segments.reduce(0) { $0 + $1.size }, "\(what)")
        #expect(content.body == .list(expected.top), "\(what)")
        #expect(Set(objects.keys.map(\.digest)) == Set(expected.nodes.keys), "\(what)")
        #expect(try walk(content, objects) == segments, "\(what)")
    }

    /// A chunk whose digest ends a node, or does not.
    private func chunk(_ generator: inout SeededGenerator, ends: Bool, size: UInt32 = 100) throws -> Segment {
        var bytes = generator.bytes(32)
        bytes[31] = ends ? 0 : bytes[31] | 1
        return .data(try #require(Digest(bytes: bytes)), size: size)
    }

    /// Items per node, around both limits, with and without digests that end it.
    @Test(arguments: [17, 63, 64, 65, 128, 129, 1023, 1024, 1025, 2048, 2049])
    func nodeSizes(_ count: Int) throws {
        var generator = SeededGenerator(seed: 7)
        for ends in [false, true] {
            try check(try (0..<count).map { _ in try chunk(&generator, ends: ends) }, "\(count) chunks, end: \(ends)")
        }
        // Zeros have no digest: only the count ends a node of them.
        try check([Segment](repeating: .zeros(size: 65_536), count: count), "\(count) zero segments")
    }

    @Test func theItemWithTheEndBefore64DoesNotEnd() throws {
        var generator = SeededGenerator(seed: 8)
        for position in [0, 61, 62, 63, 64, 1023] {
            let segments = try (0..<1100).map { try chunk(&generator, ends: $0 == position) }
            try check(segments, "end at \(position)")
            #expect(try NaiveList(segments).nodes.count == ([63, 64].contains(position) ? 4 : 3))
        }
    }

    @Test func randomLists() throws {
        var generator = SeededGenerator(seed: TestScale.seed("lists"))
        for round in 0..<(12 * TestScale.factor) {
            let count = Int.random(in: 17...6000, using: &generator)
            let ending = [2, 20, 256, 100_000][round % 4]
            let segments = try (0..<count).map { _ -> Segment in
                switch generator.next() % 10 {
                case 0: return .zeros(size: generator.next() % (1 << 40) + 1)
                default:
                    let size = UInt32(generator.next() % (1 << 20)) + 1
                    return try chunk(&generator, ends: generator.next() % UInt64(ending) == 0, size: size)
                }
            }
            try check(segments, "round \(round), \(count) segments")
        }
    }

    /// Three levels: nodes of 64 items each, more than 1,024 of them.
    @Test func deepLists() throws {
        var generator = SeededGenerator(seed: TestScale.seed("deep list"))
        let segments = try (0..<70_000).map { try chunk(&generator, ends: $0 % 64 == 63) }
        #expect(try NaiveList(segments).levels >= 3)
        try check(segments, "70,000 segments")
    }

    @Test func anInsertionRewritesFewNodes() throws {
        var generator = SeededGenerator(seed: TestScale.seed("list insertion"))
        func random() throws -> Segment { .data(try #require(Digest(bytes: generator.bytes(32))), size: 16_384) }
        let segments = try (0..<40_000).map { _ in try random() }
        let before = try build(segments).objects.keys
        var rewritten = 0
        let rounds = 20 * TestScale.factor
        for _ in 0..<rounds {
            var changed = segments
            changed.insert(try random(), at: Int(generator.next() % 40_001))
            let new = try build(changed).objects.keys.subtracting(before).count
            // One node of about 320 chunks and the top; a few more where an end had to move.
            #expect((1...12).contains(new))
            rewritten += new
        }
        #expect(rewritten <= 4 * rounds, "\(rewritten) nodes in \(rounds) insertions")
        print("list insertion: \(rewritten) of \(before.count) nodes rewritten in \(rounds) insertions")
    }

    /// A boundary moved, added or taken away is another encoding of the same content.
    @Test func otherSplitsAreRefused() throws {
        var generator = SeededGenerator(seed: TestScale.seed("list splits"))
        let segments = try (0..<400).map { try chunk(&generator, ends: $0 % 70 == 69) }
        let items = segments.map(NaiveList.item)
        let right = NaiveList.split(items).map(\.count)
        let length = segments.reduce(0) { $0 + $1.size }
        var tried = 0
        for index in right.indices {
            for change in [-69, -8, -1, 1, 8, 69, 70] {
                var counts = right
                counts[index] += change
                if index + 1 < counts.count { counts[index + 1] -= change } else { counts.append(-change) }
                counts.removeAll { $0 == 0 }
                guard counts.allSatisfy({ $0 > 0 }), counts != right, counts.count > 1 else { continue }
                tried += 1
                let (top, objects) = try list(items, counts: counts)
                let content = Content(cut: .contentDefined, length: length, body: .list(top))
                #expect(throws: FormatError.self, "\(counts)") { try walk(content, objects) }
            }
        }
        #expect(tried > 10)
        let (top, objects) = try list(items, counts: right)
        #expect(try walk(Content(cut: .contentDefined, length: length, body: .list(top)), objects) == segments)
    }

    private func list(_ items: [NaiveList.Item], counts: [Int]) throws -> (Digest, Objects) {
        let objects = try Objects()
        var start = 0
        let children = try counts.map { count in
            let group = Array(items[start..<(start + count)])
            start += count
            let digest = try objects.put(.list, NaiveList.node(level: 0, group))
            return NaiveList.child(size: group.reduce(0) { $0 + $1.size }, digest)
        }
        return (try objects.put(.list, NaiveList.node(level: 1, children)), objects)
    }
}

/// Lists and trees whose nodes do not go together.
@Suite struct CursorTests {
    private func segments(_ count: Int) throws -> [NaiveList.Item] {
        try (0..<count).map { NaiveList.item(.data(try digest("\($0)"), size: 10)) }
    }

    private func refuses(_ top: Digest, _ length: UInt64, _ objects: Objects, _ what: String) {
        #expect(throws: FormatError.self, "\(what)") {
            var cursor = try SegmentCursor(
                Content(cut: .contentDefined, length: length, body: .list(top)), load: objects.load)
            while try cursor.next() != nil {}
        }
    }

    @Test func listsThatDoNotHoldTogether() throws {
        let objects = try Objects()
        let items = try (0..<128).map {
            NaiveList.item(.data(try #require(Digest(bytes: [UInt8](repeating: UInt8($0), count: 31) + [0])), size: 10))
        }
        func node(_ level: Int, _ items: [NaiveList.Item]) throws -> Digest {
            try objects.put(.list, NaiveList.node(level: level, items))
        }
        let (left, right) = (try node(0, Array(items[..<64])), try node(0, Array(items[64...])))
        let (half, other) = (NaiveList.child(size: 640, left), NaiveList.child(size: 640, right))
        let good = try node(1, [half, other])
        var cursor = try SegmentCursor(
            Content(cut: .contentDefined, length: 1280, body: .list(good)), load: objects.load)
        for _ in 0..<128 { #expect(try cursor.next() != nil) }
        #expect(try cursor.next() == nil)

        refuses(good, 1279, objects, "the content is shorter")
        refuses(good, 1281, objects, "the content is longer")
        refuses(try node(1, [half, NaiveList.child(size: 641, right)]), 1281, objects, "a child is shorter than said")
        refuses(try node(1, [half]), 640, objects, "a top node with one child")
        refuses(try node(2, [half, other]), 1280, objects, "a level is missing")
        refuses(
            try node(1, [NaiveList.child(size: 1280, good), half]), 1920, objects, "a node of the same level below")
        refuses(try node(0, Array(try segments(16))), 160, objects, "16 segments that should be direct")
        var table = try SegmentCursor(
            list: try node(0, Array(try segments(16))), length: 160, load: objects.load)
        #expect(try table.next() != nil)
        let huge = NaiveList.child(size: 1 << 60, left)
        refuses(try node(1, [huge, huge]), 1 << 60, objects, "sizes beyond 2^60")
        refuses(
            try node(1, [NaiveList.Item](repeating: huge, count: 17)), 1 << 60, objects, "sizes that overflow 64 bits")
    }

    @Test func aMissingNodeIsTheLoadersError() throws {
        let objects = try Objects()
        let missing = try digest("missing")
        #expect(throws: Objects.Missing.self) {
            try SegmentCursor(Content(cut: .contentDefined, length: 99, body: .list(missing)), load: objects.load)
        }
        #expect(throws: Objects.Missing.self) { try TreeCursor(root: missing, load: objects.load) }
        #expect(throws: Objects.Missing.self) {
            _ = try lookUp(name: [1], inTree: missing, load: objects.load)
        }
    }

    @Test func treesThatDoNotHoldTogether() throws {
        let objects = try Objects()
        let names = try Names.find(2, "s") { $0 & 127 == 0 }.sorted { $0.lexicographicallyPrecedes($1) }
        func node(_ level: Int, _ items: [NaiveTree.Item]) throws -> Digest {
            try objects.put(.tree, NaiveTree.node(level: level, items))
        }
        func leaf(_ name: [UInt8]) throws -> Digest {
            try node(0, [NaiveTree.Item(name: name, bytes: Entry.fifo(name).encoded())])
        }
        let children = try names.map { NaiveTree.indexItem(last: $0, try leaf($0)) }
        let good = try node(1, children)
        func walk(_ top: Digest) throws -> Int {
            var cursor = try TreeCursor(root: top, load: objects.load)
            var count = 0
            while try cursor.next() != nil { count += 1 }
            return count
        }
        #expect(try walk(good) == 2)
        let bad: [(String, Digest)] = try [
            ("a top node with one child", node(1, [children[0]])), ("a level is missing", node(2, children)),
            ("another last name", node(1, [NaiveTree.indexItem(last: names[0] + [1], leaf(names[0])), children[1]])),
            (
                "nodes in the wrong order",
                node(
                    1,
                    [
                        NaiveTree.indexItem(last: names[0], leaf(names[1])),
                        NaiveTree.indexItem(last: names[1], leaf(names[0])),
                    ])
            ),
            ("the same node twice", node(1, [children[0], NaiveTree.indexItem(last: names[1], leaf(names[0]))])),
            ("an empty segment", node(1, [children[0], NaiveTree.indexItem(last: names[1], node(0, []))])),
            ("itself a level up", node(2, [NaiveTree.indexItem(last: names[1], good)])),
        ]
        for (what, top) in bad { #expect(throws: FormatError.self, "\(what)") { try walk(top) } }
        #expect(try walk(node(0, [])) == 0)
    }

    /// The objects that an object names, each once, in the order of their first use: what reference counts follow.
    @Test func childrenAreDistinct() throws {
        let (a, b) = (try digest("a"), try digest("b"))
        let list = ListNode.segments([.data(a, size: 1), .zeros(size: 5), .data(b, size: 1), .data(a, size: 1)])
        #expect(
            try ObjectChildren.of(.list, list.encode()) == [ObjectKey(.chunk, a), ObjectKey(.chunk, b)])
        let attribute = ExtendedAttribute(name: [1], value: .chunk(b, size: 2000))
        let entries = [
            Entry(
                name: [1], metadata: .plain(attributes: [attribute]),
                node: .file(Content(cut: .contentDefined, length: 100, body: .list(a)))),
            Entry(name: [2], metadata: .plain(attributes: [attribute]), node: .directory(a)),
            Entry(name: [3], metadata: .plain(), node: .directory(a)),
            Entry(
                name: [4], metadata: .plain(),
                node: .file(Content(cut: .contentDefined, length: 100, body: .segments([.data(a, size: 100)])))),
        ]
        #expect(
            try ObjectChildren.of(.tree, TreeNode.entries(entries).encode()) == [
                ObjectKey(.chunk, b), ObjectKey(.list, a), ObjectKey(.tree, a), ObjectKey(.chunk, a),
            ])
        #expect(
            try ObjectChildren.of(.tree, RootNode.encode(entries[1])) == [ObjectKey(.chunk, b), ObjectKey(.tree, a)])
        #expect(try ObjectChildren.of(.chunk, [1, 2, 3]).isEmpty)
        #expect(throws: FormatError.self) { try ObjectChildren.of(.manifest, [1, 2, 3]) }
    }
}
