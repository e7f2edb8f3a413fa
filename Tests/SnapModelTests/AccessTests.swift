import SnapDigest
import SnapModel
import TestSupport
import Testing

/// Tokens as text, and the words for what they allow.
@Suite struct AccessTests {
    @Test func everyTokenIsAnotherAndReadsBack() throws {
        let tokens = try (0..<100).map { _ in try AccessToken() }
        #expect(Set(tokens.map(\.text)).count == tokens.count)
        for token in tokens {
            #expect(token.text.wholeMatch(of: /snap_[0-9a-f]{72}/) != nil)
            #expect(try AccessToken(token.text).digest() == token.digest())
        }
    }

    @Test func aTokenWithAnythingElseInItIsNone() throws {
        let good = Array(try AccessToken().text.utf8)
        for index in good.indices {
            for byte: UInt8 in [48, 49, 65, 97, 102, 0, 0xff, 10] where good[index] != byte {
                var other = good
                other[index] = byte
                #expect(throws: FormatError.self) { try AccessToken(String(decoding: other, as: UTF8.self)) }
            }
            #expect(throws: FormatError.self) { try AccessToken(String(decoding: good[..<index], as: UTF8.self)) }
        }
        for text in [
            "", "snap_", String(decoding: good, as: UTF8.self) + "\n", " " + String(decoding: good, as: UTF8.self),
        ] {
            #expect(throws: FormatError.self) { try AccessToken(text) }
        }
    }

    @Test func whatIsWrongWithATokenDoesNotRepeatIt() throws {
        let secret = String(try AccessToken().text.dropLast())
        let error = #expect(throws: FormatError.self) { try AccessToken(secret) }
        #expect(error.map { !"\($0)".contains(secret.suffix(20)) } == true)
    }

    @Test func scopesAreWordsOfAList() throws {
        #expect(try AccessScope.parse("read:snapshots") == [.readSnapshots])
        #expect(
            try AccessScope.parse("write:snapshots, admin:org read:usage") == [
                .writeSnapshots, .adminOrganization, .readUsage,
            ])
        #expect(try AccessScope.parse(AccessScope.all) == Set(AccessScope.allCases))
        for text in ["", " ,", "read", "read:snapshots,rea", "READ:SNAPSHOTS"] {
            let error = #expect(throws: FormatError.self) { try AccessScope.parse(text) }
            #expect(error?.message.contains("delete:snapshots") == true)
        }
    }
}
