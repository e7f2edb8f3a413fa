import SnapModel
import TestSupport
import Testing

/// Names in messages: nothing in them may move a cursor, colour or reverse a line, or pass for another name.
@Suite struct EscapedTests {
    @Test(arguments: [
        ("plain name.txt", "plain name.txt"), ("é ü 中 🙂", "é ü 中 🙂"), ("", ""), ("a\nb", "a\\x0ab"),
        ("\u{1b}[31mred", "\\x1b[31mred"), ("\t\r\u{7f}\u{0}", "\\x09\\x0d\\x7f\\x00"), ("a\\nb", "a\\\\nb"),
        ("\u{202e}txt.exe", "\\u{202e}txt.exe"), ("\u{2066}a\u{2069}", "\\u{2066}a\\u{2069}"),
        ("\u{9b}31m", "\\u{9b}31m"), ("a\u{200b}b", "a\\u{200b}b"), ("\u{feff}a", "\\u{feff}a"),
        ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"), ("\u{e000}", "\\u{e000}"), ("\u{e0041}", "\\u{e0041}"),
    ])
    func text(_ name: String, _ shown: String) {
        #expect(escaped(Array(name.utf8)) == shown)
    }

    @Test func bytesThatAreNoText() {
        #expect(escaped([0x61, 0xff]) == "a\\xff")
        #expect(escaped([0xc3]) == "\\xc3")
        #expect(escaped([0xed, 0xa0, 0x80]) == "\\xed\\xa0\\x80")
        #expect(escaped([0x1b, 0x5c, 0x80]) == "\\x1b\\x5c\\x80")
    }

    @Test func differentNamesAreShownDifferently() throws {
        var generator = SeededGenerator(seed: TestScale.seed("escaped"))
        var shown: [String: [UInt8]] = [:]
        let alphabet: [UInt8] = [
            0x0a, 0x1b, 0x30, 0x31, 0x5c, 0x61, 0x78, 0x75, 0x7b, 0x7d, 0xc3, 0xa9, 0xe2, 0x80, 0xae,
        ]
        for _ in 0..<(20_000 * TestScale.factor) {
            let count = Int.random(in: 0...6, using: &generator)
            let name = (0..<count).map { _ in alphabet[Int.random(in: alphabet.indices, using: &generator)] }
            let text = escaped(name)
            #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{202e}" && $0.value != 0x7f })
            #expect(shown.updateValue(name, forKey: text) ?? name == name, "\(text)")
        }
    }
}
