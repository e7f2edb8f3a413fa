import SnapDigest
import SnapModel
import TestSupport
import Testing

/// Directories as trees: the builder and the cursor against a whole-level implementation.
@Suite struct TreeBuilderTests {
    private func build(_ entries: [Entry]) throws -> (top: Digest, objects: Objects) {
        let objects = try Objects()
        var builder = TreeBuilder(emit: objects.put)
        for entry in entries { try builder.append(entry) }
        return (try builder.finish(), objects)
    }

    private func check(_ entries: [Entry], _ what: String) throws {
        let (top, objects) = try build(entries)
        let expected = try NaiveTree(entries)
        #expect(top == expected.top, "\(what)")
        #expect(Set(objects.keys.map(\.digest)) == Set(expected.nodes.keys), "\(what)")
        var cursor = try TreeCursor(root: top, load: objects.load)
        for entry in entries { #expect(try cursor.next() == entry, "\(what)") }
        #expect(try cursor.next() == nil, "\(what)")
        for entry in entries.prefix(20) {
            #expect(try lookUp(name: entry.name, inTree: top, load: objects.load) == entry, "\(what)")
            #expect(try lookUp(name: entry.name + [0], inTree: top, load: objects.load) == nil, "\(what)")
        }
    }

    private func sorted(_ names: [[UInt8]]) -> [[UInt8]] { names.sorted { $0.lexicographicallyPrecedes($1) } }

    /// Names that end no node, one of a segment, and one of the index above as well.
    private func mixedNames() throws -> [[UInt8]] {
        try sorted(
            Names.find(4, "n") { $0 & 127 != 0 } + Names.find(4, "s") { $0 & 127 == 0 && ($0 >> 7) & 127 != 0 }
                + Names.find(2, "x") { $0 & 16383 == 0 })
    }

    @Test func everySubsetOfTenNames() throws {
        let names = try mixedNames()
        for bits in 0..<(1 << names.count) {
            let chosen = names.indices.filter { bits >> $0 & 1 == 1 }.map { Entry.fifo(names[$0]) }
            try check(chosen, "names \(String(bits, radix: 2))")
        }
    }

    /// Of all ways to divide a few names into nodes, the cursor accepts the one.
    @Test func everyOtherSplitIsRefused() throws {
        let names = try mixedNames()
        var generator = SeededGenerator(seed: TestScale.seed("splits"))
        for _ in 0..<20 {
            let chosen = sorted(Array(names.shuffled(using: &generator).prefix(6)))
            let entries = chosen.map { Entry.fifo($0) }
            let right = try NaiveTree(entries).top
            var accepted = 0
            for cuts in 0..<32 {
                let (top, objects) = try divided(entries, cuts: cuts)
                let isAccepted = (try? walk(top, objects)) == entries
                #expect(isAccepted == (top == right), "names \(chosen.map { escaped($0) }), cuts \(cuts)")
                if isAccepted { accepted += 1 }
            }
            #expect(accepted == 1)
        }
    }

    /// Segments that end where `cuts` has a bit, under as many levels of index as the rule asks for.
    private func divided(_ entries: [Entry], cuts: Int) throws -> (Digest, Objects) {
        let objects = try Objects()
        var groups: [[Entry]] = [[]]
        for (index, entry) in entries.enumerated() {
            groups[groups.count - 1].append(entry)
            if index + 1 < entries.count, cuts >> index & 1 == 1 { groups.append([]) }
        }
        var level = 0
        var items = try groups.map { group in
            let node = try group.map { NaiveTree.Item(name: $0.name, bytes: try $0.encoded()) }
            return NaiveTree.indexItem(
                last: group.last?.name ?? [], try objects.put(.tree, NaiveTree.node(level: 0, node)))
        }
        var top = items[0]
        while items.count > 1 {
            level += 1
            items = try NaiveTree.split(items, level: level).map { group in
                NaiveTree.indexItem(
                    last: group.last?.name ?? [], try objects.put(.tree, NaiveTree.node(level: level, group)))
            }
            top = items[0]
        }
        return (try #require(Digest(bytes: top.bytes.suffix(32))), objects)
    }

    private func walk(_ top: Digest, _ objects: Objects) throws -> [Entry] {
        var cursor = try TreeCursor(root: top, load: objects.load)
        var entries: [Entry] = []
        while let entry = try cursor.next() { entries.append(entry) }
        return entries
    }

    enum Style: CaseIterable { case anyNames, noSplits, largeEntries, someLarge }

    @Test(arguments: Style.allCases)
    func randomDirectories(_ style: Style) throws {
        var generator = SeededGenerator(seed: TestScale.seed("directories \(style)"))
        let value = [UInt8](repeating: 7, count: 1024)
        for round in 0..<(4 * TestScale.factor) {
            let count = Int.random(in: 0...(style == .largeEntries ? 300 : 3000), using: &generator)
            let names = try Names.find(count, "r\(generator.next() % 1000)-") {
                style == .anyNames || style == .someLarge || $0 & 127 != 0
            }
            let entries = sorted(names).map { name in
                let isLarge = style == .largeEntries || (style == .someLarge && generator.next() % 20 == 0)
                let attributes = (0..<(isLarge ? Int.random(in: 1...90, using: &generator) : 0)).map {
                    ExtendedAttribute(name: Array("a\($0 + 100)".utf8), value: .inline(value))
                }
                return Entry.fifo(name, .plain(attributes: attributes))
            }
            try check(entries, "\(style), round \(round), \(count) entries")
        }
    }

    /// The forced ends: 512 entries, and 256 KiB.
    @Test(arguments: [511, 512, 513, 1024, 1025])
    func forcedEnds(_ count: Int) throws {
        let names = sorted(try Names.find(count, "f") { $0 & 127 != 0 })
        try check(names.map { Entry.fifo($0) }, "\(count) entries")
        let (top, objects) = try build(names.map { Entry.fifo($0) })
        #expect(objects.bytes.count == (count + 511) / 512 + (count > 512 ? 1 : 0))
        #expect(objects.keys.contains(ObjectKey(.tree, top)))
    }

    @Test(arguments: [(262_144, 1), (262_145, 3)])
    func segmentsOfJust256KiB(_ bytes: Int, _ nodes: Int) throws {
        let names = sorted(try Names.find(3, "b") { $0 & 127 != 0 })
        let sizes = [100_000, 100_001, bytes - 200_001]
        let entries = try zip(names, sizes).map { name, size in
            Entry.fifo(name, .plain(attributes: try filler(name, bytes: size)))
        }
        #expect(try entries.map { try $0.encoded().count } == sizes)
        try check(entries, "\(bytes) bytes")
        #expect(try build(entries).objects.bytes.count == nodes)
    }

    /// Attributes that make an entry of this name just `bytes` long.
    private func filler(_ name: [UInt8], bytes: Int) throws -> [ExtendedAttribute] {
        let value = [UInt8](repeating: 7, count: 512)
        var attributes: [ExtendedAttribute] = []
        while try bytes - Entry.fifo(name, .plain(attributes: attributes)).encoded().count > 900 {
            attributes.append(ExtendedAttribute(name: Array("a\(attributes.count + 100)".utf8), value: .inline(value)))
        }
        let rest = try bytes - Entry.fifo(name, .plain(attributes: attributes)).encoded().count - 4
        attributes.append(ExtendedAttribute(name: [0x62], value: .inline([UInt8](repeating: 7, count: rest))))
        return attributes
    }

    /// One file more rewrites its segment and the nodes above: that is what makes versions cheap.
    @Test func anInsertionRewritesFewNodes() throws {
        var generator = SeededGenerator(seed: TestScale.seed("tree insertion"))
        let names = sorted(try Names.find(20_000, "i") { _ in true })
        let before = try build(names.map { Entry.fifo($0) }).objects.keys
        #expect(before.count > 100)
        var rewritten = 0
        let rounds = 20 * TestScale.factor
        for _ in 0..<rounds {
            let name = Array("i\(generator.next() % 20_000)-new".utf8)
            let after = try build(sorted(names + [name]).map { Entry.fifo($0) }).objects.keys
            let new = after.subtracting(before).count
            // A segment of about 128 names and one or two levels above; a few more where a forced end had to move.
            #expect((2...12).contains(new), "\(escaped(name)): \(new) nodes")
            rewritten += new
        }
        #expect(rewritten <= 5 * rounds, "\(rewritten) nodes in \(rounds) insertions")
        print("tree insertion: \(rewritten) of \(before.count) nodes rewritten in \(rounds) insertions")
    }

    @Test func namesOutOfOrderAreRefused() throws {
        let objects = try Objects()
        for names in [["b", "a"], ["a", "a"], ["ab", "a"], ["\u{ff}", "z"]] {
            var builder = TreeBuilder(emit: objects.put)
            try builder.append(.fifo(names[0]))
            let error = #expect(throws: FormatError.self) { try builder.append(.fifo(names[1])) }
            #expect(error?.code == .order)
        }
        for name in [[], [0x2e], [0x2e, 0x2e], [0x2f], [0], [UInt8](repeating: 1, count: 256)] {
            var builder = TreeBuilder(emit: objects.put)
            #expect(throws: FormatError.self) { try builder.append(.fifo(name)) }
        }
    }
}
