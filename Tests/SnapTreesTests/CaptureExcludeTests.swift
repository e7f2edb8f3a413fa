import SnapTrees
import Testing

@Suite struct CaptureExcludeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let patterns: [String]
        let path: String
        var isDirectory = false
        let excluded: Bool
        var testDescription: String { "\(patterns) \(path)\(isDirectory ? "/" : "")" }
    }

    // Each verdict is that of `git check-ignore`.
    static let cases: [Case] = [
        Case(patterns: ["*.o"], path: "a/b/c.o", excluded: true),
        Case(patterns: ["*.o"], path: "a/b.o/c", excluded: false),
        Case(patterns: ["*.o", "!keep.o"], path: "keep.o", excluded: false),
        Case(patterns: ["!keep.o", "*.o"], path: "keep.o", excluded: true),
        Case(patterns: ["/a"], path: "a", excluded: true),
        Case(patterns: ["/a"], path: "b/a", excluded: false),
        Case(patterns: ["a/b"], path: "a/b", excluded: true),
        Case(patterns: ["a/b"], path: "c/a/b", excluded: false),
        Case(patterns: ["build/"], path: "x/build", isDirectory: true, excluded: true),
        Case(patterns: ["build/"], path: "x/build", excluded: false),
        Case(patterns: ["**/x"], path: "x", excluded: true),
        Case(patterns: ["**/x"], path: "a/b/x", excluded: true),
        Case(patterns: ["a/**"], path: "a", isDirectory: true, excluded: false),
        Case(patterns: ["a/**"], path: "a/b", excluded: true),
        Case(patterns: ["a/**"], path: "a/b/c", excluded: true),
        Case(patterns: ["a/**/b"], path: "a/b", excluded: true),
        Case(patterns: ["a/**/b"], path: "a/x/y/b", excluded: true),
        Case(patterns: ["a/**/b"], path: "a/x/y/c", excluded: false),
        Case(patterns: ["a/*/b"], path: "a/x/y/b", excluded: false),
        Case(patterns: ["?"], path: "d/x", excluded: true),
        Case(patterns: ["?"], path: "xy", excluded: false),
        Case(patterns: ["/a?b"], path: "a/b", excluded: false),
        Case(patterns: ["[a-c]x"], path: "bx", excluded: true),
        Case(patterns: ["[!a-c]x"], path: "bx", excluded: false),
        Case(patterns: ["[^a-c]x"], path: "dx", excluded: true),
        Case(patterns: ["[]x]"], path: "]", excluded: true),
        Case(patterns: ["[a-]"], path: "-", excluded: true),
        Case(patterns: ["[[:digit:]]*"], path: "7up", excluded: true),
        Case(patterns: ["[[:digit:]]*"], path: "up7", excluded: false),
        Case(patterns: ["[abc"], path: "[abc", excluded: false),
        Case(patterns: ["[\\]]"], path: "]", excluded: true),
        Case(patterns: ["\\!a"], path: "!a", excluded: true),
        Case(patterns: ["\\#a"], path: "#a", excluded: true),
        Case(patterns: ["#a"], path: "#a", excluded: false),
        Case(patterns: ["a\\*"], path: "a*", excluded: true),
        Case(patterns: ["a\\*"], path: "ab", excluded: false),
        Case(patterns: ["a  "], path: "a", excluded: true),
        Case(patterns: ["a\\ "], path: "a ", excluded: true),
        Case(patterns: ["", " ", "/"], path: "a", excluded: false),
        Case(patterns: ["**"], path: "a/b", excluded: true),
        Case(patterns: ["a*b*c"], path: "aXbYbZc", excluded: true),
        Case(patterns: ["a*b*c"], path: "aXbYbZ", excluded: false),
        Case(patterns: ["*"], path: ".hidden", excluded: true),
        Case(patterns: ["/*", "!/keep"], path: "keep", excluded: false),
        Case(patterns: ["/*", "!/keep"], path: "other", excluded: true),
    ]

    @Test(arguments: cases)
    func `a pattern leaves out what git would ignore`(_ example: Case) {
        let patterns = ExcludePatterns(example.patterns)
        #expect(patterns.excludes(Array(example.path.utf8), isDirectory: example.isDirectory) == example.excluded)
    }

    @Test func `names are bytes`() {
        let patterns = ExcludePatterns(lines: [[0xFF, UInt8(ascii: "*")], [UInt8(ascii: "?"), 0x80]])
        #expect(patterns.excludes([0xFF, 0xFE], isDirectory: false))
        #expect(patterns.excludes([0x01, 0x80], isDirectory: false))
        #expect(!patterns.excludes([0x01, 0x81], isDirectory: false))
    }

    /// A matcher that tried every `*` again would take longer than the universe.
    @Test(.timeLimit(.minutes(1)))
    func `many wildcards take no exponential time`() {
        let stars = String(repeating: "*a", count: 60) + "b"
        let deep = String(repeating: "**/a/", count: 60) + "b"
        let name = Array(String(repeating: "a", count: 250).utf8)
        let path = Array(String(repeating: "a/", count: 2000).utf8) + [UInt8(ascii: "c")]
        #expect(!ExcludePatterns([stars]).excludes(name, isDirectory: false))
        #expect(!ExcludePatterns([deep]).excludes(path, isDirectory: false))
    }
}
