import SnapModel
import TestSupport
import Testing

/// Canonical JSON: one text for one value, and nothing that hostile text could make of it.
@Suite struct JSONTests {
    private func accepts(_ text: String) -> Bool { accepts(Array(text.utf8)) }

    private func accepts(_ bytes: [UInt8]) -> Bool {
        (try? CanonicalJSON.decode(bytes, "text")).map { (try? $0.encode()) == bytes } ?? false
    }

    @Test func nestingIsLimited() {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
        }
        #expect(accepts(nested(8, "[", "]")))
        #expect(!accepts(nested(9, "[", "]")))
        #expect(accepts(nested(8, "{\"a\":", "}")))
        #expect(!accepts(nested(9, "{\"a\":", "}")))
        for open in ["[", "{\"a\":", "[[],", "[{\"a\":"] {
            #expect(!accepts(String(repeating: open, count: 100_000)))
            #expect(!accepts(nested(100_000, open, open.first == "[" ? "]" : "}")))
        }
    }

    @Test func integers() {
        for text in ["0", "9", "10", "9007199254740992"] { #expect(accepts(text)) }
        for text in [
            "9007199254740993", "9999999999999999", "18446744073709551616", "00", "01", "-0", "-1", "+1", "1.0", "1e3",
            "0x1", "1 ", " 1", "", String(repeating: "0", count: 100_000), String(repeating: "9", count: 100_000),
        ] { #expect(!accepts(text), "\(text.prefix(40))") }
        #expect(throws: FormatError.self) { try CanonicalJSON.integer((1 << 53) + 1).encode() }
    }

    /// The table of well-formed sequences (Unicode 16, table 3-7), at its borders.
    @Test func stringsAreUTF8() {
        func quoted(_ bytes: [UInt8]) -> [UInt8] { [0x22] + bytes + [0x22] }
        for bytes: [UInt8] in [
            [0x7f], [0xc2, 0x80], [0xdf, 0xbf], [0xe0, 0xa0, 0x80], [0xed, 0x9f, 0xbf], [0xee, 0x80, 0x80],
            [0xf0, 0x90, 0x80, 0x80], [0xf4, 0x8f, 0xbf, 0xbf], [0xe2, 0x80, 0xae],
        ] { #expect(accepts(quoted(bytes))) }
        for bytes: [UInt8] in [
            [0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x7f], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80],
            [0xed, 0xbf, 0xbf], [0xe2, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5], [0xfe],
            [0xff],
        ] { #expect(!accepts(quoted(bytes)), "\(bytes)") }
    }

    @Test func escapesAreTheShortestThatWork() {
        for byte in UInt8.min..<0x80 {
            let hex = String(byte, radix: 16)
            let escape = "\"\\u00\(hex.count == 1 ? "0" : "")\(hex)\""
            #expect(accepts(escape) == (byte < 0x20), "\(byte)")
            #expect(accepts([0x22, byte, 0x22]) == (byte >= 0x20 && byte != 0x22 && byte != 0x5c), "\(byte)")
            let short: [UInt8] = [0x22, 0x5c, byte, 0x22]
            #expect(accepts(short) == (byte == 0x22 || byte == 0x5c), "\(byte)")
        }
        for text in ["\"\\u001F\"", "\"\\u0120\"", "\"\\ud800\"", "\"\\u00\"", "\"\\u001\"", "\"\\", "\"\\u", "\""] {
            #expect(!accepts(text), "\(text)")
        }
    }

    @Test func membersAreSortedAndUnique() {
        #expect(accepts("{\"A\":1,\"Z\":1,\"_\":1,\"a\":1,\"aa\":1,\"b\":1}"))
        for text in [
            "{\"b\":1,\"a\":1}", "{\"a\":1,\"a\":1}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\"}", "{\"a\":}", "{\"é\":1}",
            "{a:1}", "{\"a\":1", "{\"a\" :1}", "[1,]", "[,1]", "[1", "[1 ,2]", "nul", "null", "true", "[]]", "{}{}",
        ] { #expect(!accepts(text), "\(text)") }
        #expect(accepts("{}") && accepts("[]"))
    }

    @Test func bytesThatAreNoTextAreBase64() throws {
        for (bytes, text): ([UInt8], String) in [
            ([0xff], "/w=="), ([0xff, 0xfe], "//4="), ([0xff, 0xfe, 0xfd], "//79"), ([0xff, 0, 0, 0], "/wAAAA=="),
        ] {
            let json = CanonicalJSON.string(bytes)
            #expect(try json.encode() == Array("{\"b64\":\"\(text)\"}".utf8))
            #expect(try CanonicalJSON.decode(json.encode(), "text") == json)
        }
        for text in ["", "YQ==", "/w", "/w=", "/w===", "/x==", "_w==", "/w==\n", "=", "====", "/w==/w=="] {
            #expect(!accepts("{\"b64\":\"\(text)\"}"), "\(text)")
        }
    }

    @Test func randomValuesComeBack() throws {
        var generator = SeededGenerator(seed: TestScale.seed("JSON"))
        for _ in 0..<(500 * TestScale.factor) {
            let value = random(depth: 0, &generator)
            let bytes = try value.encode()
            #expect(try CanonicalJSON.decode(bytes, "text") == value)
        }
    }

    private func random(depth: Int, _ generator: inout SeededGenerator) -> CanonicalJSON {
        switch Int.random(in: 0..<(depth < 4 ? 4 : 2), using: &generator) {
        case 0: return .integer(UInt64.random(in: 0...(1 << 53), using: &generator))
        case 1:
            let count = Int.random(in: 0...12, using: &generator)
            let bytes = generator.bytes(count)
            return .string(Bool.random(using: &generator) ? bytes : bytes.map { $0 & 0x7f })
        case 2:
            return .array(
                (0..<Int.random(in: 0...4, using: &generator)).map { _ in random(depth: depth + 1, &generator) })
        default:
            let keys = Set((0..<Int.random(in: 0...4, using: &generator)).map { _ in generator.next() % 1000 })
            return .members(keys.map { ("k\($0)", random(depth: depth + 1, &generator)) })
        }
    }
}

/// Manifests and records: what decoders refuse, encoders do not write.
@Suite struct DocumentLimitTests {
    @Test func manifestsOfOneMebibyte() throws {
        func make(_ count: Int) throws -> Manifest {
            var manifest = Manifest(kind: .filesystem, root: try digest("root"))
            manifest.config.user = [UInt8](repeating: 0x78, count: count)
            return manifest
        }
        let room = try (1 << 20) - make(1).encode().count + 1
        let longest = try make(room)
        #expect(try longest.encode().count == 1 << 20)
        #expect(try Manifest.decode(longest.encode()) == longest)
        #expect(throws: FormatError.self) { try make(room + 1).encode() }
        #expect(throws: FormatError.self) { try Manifest.decode(longest.encode() + [0x20]) }
    }

    @Test func manifestsThatDoNotHoldTogether() throws {
        let root = try digest("root")
        var directory = Manifest(kind: .directory, root: root)
        directory.platform = Manifest.Platform(architecture: "amd64", os: "linux")
        #expect(throws: FormatError.self) { try directory.encode() }
        #expect(throws: FormatError.self) { try Manifest(kind: .checkpoint, root: root).encode() }
        var other = Manifest(kind: .filesystem, root: root)
        other.checkpoint = Manifest.Checkpoint(payload: root)
        #expect(throws: FormatError.self) { try other.encode() }
        var long = Manifest(kind: .directory, root: root)
        long.links = Manifest.Links(length: (1 << 53) + 1, list: root)
        #expect(throws: FormatError.self) { try long.encode() }
    }

    private func record(_ change: (inout RecordObject) -> Void) throws -> RecordObject {
        var record = RecordObject(
            id: [UInt8](0..<16), org: "local", name: "a", tag: nil, manifest: try digest("m"), createdMilliseconds: 0)
        change(&record)
        return record
    }

    @Test func recordsOfOneMebibyte() throws {
        func make(_ count: Int) throws -> RecordObject {
            try record { $0.labels = [.init(key: "a", value: String(repeating: "x", count: count))] }
        }
        let room = try (1 << 20) - make(1).encode().count + 1
        #expect(try RecordObject.decode(make(room).encode()) == make(room))
        #expect(throws: FormatError.self) { try make(room + 1).encode() }
    }

    @Test func recordsThatCouldNotBeRead() throws {
        let changes: [(inout RecordObject) -> Void] = [
            { $0.createdMilliseconds = -1 }, { $0.createdMilliseconds = .min }, { $0.createdMilliseconds = .max },
            { $0.createdMilliseconds = (1 << 53) + 1 }, { $0.id = [] }, { $0.id.append(0) }, { $0.parent = [1] },
            { $0.org = "" }, { $0.org = "A" }, { $0.name = "-a" }, { $0.name = "a/b" }, { $0.tag = "" },
            { $0.tag = "-x" }, { $0.labels = [.init(key: "b64", value: "")] },
            { $0.labels = [.init(key: "A", value: "")] }, { $0.labels = [.init(key: "", value: "")] },
            { $0.labels = [.init(key: "a", value: "1"), .init(key: "a", value: "2")] },
        ]
        for (number, change) in changes.enumerated() {
            #expect(throws: FormatError.self, "change \(number)") { try record(change).encode() }
        }
        let widest = try record {
            $0.createdMilliseconds = 1 << 53
            $0.name = "a" + String(repeating: ".", count: 126) + "z"
            $0.tag = String(repeating: "_", count: 128)
            $0.labels = [.init(key: String(repeating: "/", count: 128), value: "\u{0}")]
        }
        #expect(try RecordObject.decode(widest.encode()) == widest)
    }
}
