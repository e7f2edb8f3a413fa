import SnapDigest
import SnapModel
import Testing

/// Limits of contents: by value, as segments, as a list.
@Suite struct ContentLimitTests {
    func refuses(_ content: Content) {
        let error = #expect(throws: FormatError.self) { try Entry.file("f", content).encoded() }
        #expect(error?.code == .limit)
    }

    func accepts(_ content: Content) throws {
        let entry = Entry.file("f", content)
        #expect(try entry.reread() == entry)
    }

    @Test func byValue() throws {
        for count in 0...64 {
            try accepts(
                Content(
                    cut: .contentDefined, length: UInt64(count), body: .inline([UInt8](repeating: 7, count: count))))
        }
        refuses(Content(cut: .contentDefined, length: 65, body: .inline([UInt8](repeating: 7, count: 65))))
        refuses(Content(cut: .contentDefined, length: 3, body: .inline([7])))
        refuses(Content(cut: .pages, length: 1, body: .inline([7])))
    }

    @Test(arguments: [1, 2, 15, 16])
    func direct(_ count: Int) throws {
        let segments = try (0..<count).map { Segment.data(try digest("\($0)"), size: 65) }
        for cut in [Cut.contentDefined, .pages] {
            try accepts(Content(cut: cut, length: UInt64(65 * count), body: .segments(segments)))
        }
    }

    @Test func segmentsThatAreNone() throws {
        let chunk = Segment.data(try digest("x"), size: 65)
        refuses(Content(cut: .contentDefined, length: 0, body: .segments([])))
        refuses(Content(cut: .contentDefined, length: 17 * 65, body: .segments(Array(repeating: chunk, count: 17))))
        refuses(Content(cut: .contentDefined, length: 64, body: .segments([.data(try digest("x"), size: 64)])))
        refuses(Content(cut: .contentDefined, length: 66, body: .segments([chunk])))
        refuses(Content(cut: .contentDefined, length: 65, body: .segments([.data(try digest("x"), size: 0), chunk])))
        refuses(Content(cut: .contentDefined, length: 65, body: .segments([.zeros(size: 0), chunk])))
        refuses(Content(cut: .contentDefined, length: 0, body: .segments([.zeros(size: .max), .zeros(size: 1)])))
    }

    @Test func sizesOfSegments() throws {
        try accepts(Content(cut: .pages, length: 1 << 20, body: .segments([.data(try digest("x"), size: 1 << 20)])))
        refuses(
            Content(cut: .pages, length: (1 << 20) + 1, body: .segments([.data(try digest("x"), size: (1 << 20) + 1)])))
        try accepts(Content(cut: .contentDefined, length: 1 << 60, body: .segments([.zeros(size: 1 << 60)])))
        refuses(Content(cut: .contentDefined, length: (1 << 60) + 1, body: .segments([.zeros(size: (1 << 60) + 1)])))
    }

    @Test func lists() throws {
        let root = try digest("list")
        try accepts(Content(cut: .contentDefined, length: 65, body: .list(root)))
        try accepts(Content(cut: .pages, length: 1 << 60, body: .list(root)))
        refuses(Content(cut: .contentDefined, length: 64, body: .list(root)))
        refuses(Content(cut: .contentDefined, length: (1 << 60) + 1, body: .list(root)))
    }

    /// The builder chooses the form that decoders ask for: 16 segments are direct, 17 a list.
    @Test(arguments: [1, 16, 17])
    func builderChoosesTheForm(_ count: Int) throws {
        let objects = try Objects()
        var builder = ListBuilder(cut: .contentDefined, emit: objects.put)
        for number in 0..<count { try builder.append(.data(try digest("\(number)"), size: 65)) }
        let content = try builder.finish()
        try accepts(content)
        #expect(objects.bytes.isEmpty == (count <= 16))
    }

    @Test func builderRefusesWhatCannotBeRead() throws {
        let objects = try Objects()
        func error(_ segments: [Segment]) throws -> FormatError.Code? {
            var builder = ListBuilder(cut: .contentDefined, emit: objects.put)
            do {
                for segment in segments { try builder.append(segment) }
                return nil
            } catch let error as FormatError {
                return error.code
            }
        }
        #expect(try error([.zeros(size: 1 << 60)]) == nil)
        #expect(try error([.zeros(size: 1 << 60), .zeros(size: 1)]) == .limit)
        #expect(try error([.zeros(size: (1 << 60) + 1)]) == .limit)
        #expect(try error([.zeros(size: 0)]) == .limit)
        #expect(try error([.data(try digest("x"), size: 0)]) == .limit)
        #expect(try error([.data(try digest("x"), size: 1 << 20)]) == nil)
        #expect(try error([.data(try digest("x"), size: (1 << 20) + 1)]) == .limit)
        var empty = ListBuilder(cut: .contentDefined, emit: objects.put)
        #expect(throws: FormatError.self) { try empty.finishList() }
    }
}
