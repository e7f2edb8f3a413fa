import SnapDigest
import SnapModel
import Testing

/// How people name snapshots, and what they may not.
@Suite struct ReferenceTests {
    static let hex = String(repeating: "0123456789abcdef", count: 4)

    private func named(
        _ name: String, org: String? = nil, tag: String? = nil, digest: Digest? = nil
    ) -> (String?, Reference.Target) {
        (org, .name(name, tag: tag, digest: digest))
    }

    @Test func eachForm() throws {
        let digest = try #require(Digest(hex: Self.hex))
        let id = try #require(Hex.decode(Self.hex.prefix(32)))
        let longest = "a" + String(repeating: "-", count: 126) + "b"
        let longestTag = "_" + String(repeating: ".", count: 127)
        let forms: [(String, (String?, Reference.Target))] = [
            ("tools", named("tools")), ("tools:1", named("tools", tag: "1")),
            ("org/tools:v1.0", named("tools", org: "org", tag: "v1.0")),
            ("tools@sha256:\(Self.hex)", named("tools", digest: digest)),
            ("o/t:_@sha256:\(Self.hex)", named("t", org: "o", tag: "_", digest: digest)),
            ("\(longest)/\(longest):\(longestTag)", named(longest, org: longest, tag: longestTag)),
            ("sha256:\(Self.hex)", (nil, .digest(digest))), (Self.hex, (nil, .digest(digest))),
            (String(Self.hex.prefix(32)), (nil, .record(id))),
            (String(Self.hex.prefix(8)), (nil, .prefix(String(Self.hex.prefix(8))))),
            (String(Self.hex.prefix(31)), (nil, .prefix(String(Self.hex.prefix(31))))),
            (String(Self.hex.prefix(63)), (nil, .prefix(String(Self.hex.prefix(63))))),
            (String(Self.hex.prefix(7)), named(String(Self.hex.prefix(7)))),
            (Self.hex + "0", named(Self.hex + "0")),
            // With a tag it can only be a name.
            ("\(Self.hex.prefix(32)):1", named(String(Self.hex.prefix(32)), tag: "1")),
            ("0123456g", named("0123456g")), ("b64", named("b64")),
        ]
        for (text, expected) in forms {
            let reference = try Reference.parse(text)
            #expect(reference.org == expected.0, "\(text)")
            #expect(reference.target == expected.1, "\(text)")
        }
    }

    @Test(arguments: [
        "", ":", "@", "/", ":1", "/a", "a/", "a:", "a@", "a:1:2", "a/b/c", "A", "Tools", "-a", "a-", ".a", "a.", "_a",
        "a b", "a\n", "a\u{0}", "é", "a/B", "A/b", "a:é", "a:-1", "a:.1", "a:1 ", "../a", "a/../b", "a//b",
        "a@sha256:", "a@sha512:\(hex)", "a@sha256:\(hex.dropLast())", "a@sha256:\(hex)0", "a@\(hex)",
        "a@sha256:\(hex.uppercased())", "a@sha256:\(hex):1", "sha256:", "sha256:\(hex.dropLast())", "sha256:\(hex)0",
        "sha256:\(hex.uppercased())", "sha256:\(hex)\n", "SHA256:\(hex)", "a:\u{301}", "a\u{301}", "a@\u{301}",
        "\u{202e}a", String(repeating: "a", count: 129), "a:" + String(repeating: "a", count: 129),
        String(repeating: "a", count: 129) + "/a", String(repeating: "a/", count: 100_000),
    ])
    func noReference(_ text: String) {
        let error = #expect(throws: FormatError.self) { try Reference.parse(text) }
        #expect(error?.code == .range)
        // What was typed is shown without what could harm a terminal, and not without end.
        #expect(error?.message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{202e}" } ?? false)
        #expect((error?.message.utf8.count ?? .max) < 1500)
    }

    @Test func namesByteByByte() {
        for byte in UInt8.min..<0x80 {
            let character = String(UnicodeScalar(byte))
            let isAlphanumeric = (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
            let isWithin = isAlphanumeric || [0x2d, 0x2e, 0x5f].contains(byte)
            #expect(SnapshotName.isValid(character) == isAlphanumeric)
            #expect(SnapshotName.isValid(character + "a") == isAlphanumeric)
            #expect(SnapshotName.isValid("a" + character) == isAlphanumeric)
            #expect(SnapshotName.isValid("a" + character + "a") == isWithin)
            let isCapital = (0x41...0x5a).contains(byte)
            #expect(SnapshotName.isValidTag(character) == (isAlphanumeric || isCapital || byte == 0x5f))
            #expect(SnapshotName.isValidTag("a" + character) == (isWithin || isCapital))
            #expect(SnapshotName.isValidLabelKey(character) == (isWithin || byte == 0x2f))
        }
    }

    @Test func lengths() {
        for (count, isValid) in [(0, false), (1, true), (2, true), (128, true), (129, false)] {
            let text = String(repeating: "a", count: count)
            #expect(SnapshotName.isValid(text) == isValid)
            #expect(SnapshotName.isValidTag(text) == isValid)
            #expect(SnapshotName.isValidLabelKey(text) == isValid)
        }
        #expect(!SnapshotName.isValidLabelKey("b64"))
        #expect(SnapshotName.isValidLabelKey("b65") && SnapshotName.isValidLabelKey("b64x"))
    }
}

/// Digests and hexadecimal as text.
@Suite struct HexTests {
    @Test func everyByteAndNothingElse() {
        for byte in UInt8.min...UInt8.max {
            let text = Hex.encode([byte])
            #expect(text.utf8.count == 2 && text == text.lowercased())
            #expect(Hex.decode(text) == [byte])
        }
        for text in ["0", "0g", "0G", "AB", "0x", " 0", "0 ", "é", "0é", "٠٠", "\u{0}0"] {
            #expect(Hex.decode(text) == nil, "\(text)")
        }
        #expect(Hex.decode("") == [])
    }

    @Test func orderOfDigestsIsThatOfTheirBytes() throws {
        let digests = try (0..<200).map { try digest("\($0)") }
        let sorted = digests.sorted()
        for (left, right) in zip(sorted, sorted.dropFirst()) {
            #expect(left.bytes.lexicographicallyPrecedes(right.bytes))
        }
        for found in digests {
            #expect(Digest(bytes: found.bytes) == found && Digest(hex: found.hex) == found)
            #expect(Digest(found.description) == found)
            #expect(found.tail == found.bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
        }
        #expect(Digest(bytes: [UInt8](repeating: 0, count: 31)) == nil)
        #expect(Digest(bytes: [UInt8](repeating: 0, count: 33)) == nil)
    }
}
