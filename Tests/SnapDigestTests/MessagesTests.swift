import CSnapDigest
import SnapDigest
import TestSupport
import Testing

/// Several messages at once have the digests that OpenSSL gives them one by one.
@Suite struct MessagesTests {
    private let hasher: SHA256

    init() throws { hasher = try SHA256() }

    private func check(_ lengths: [Int], in bytes: [UInt8], from first: Int = 0) {
        bytes.withUnsafeBytes { all in
            // Each begins elsewhere, so that none is aligned as another is.
            let messages = lengths.enumerated().map { number, length in
                UnsafeRawBufferPointer(rebasing: all[(first + number * 7)..<(first + number * 7 + length)])
            }
            #expect(hasher.digests(messages) == messages.map { hasher.digest($0) }, "lengths \(lengths)")
        }
    }

    @Test func `this processor is asked`() {
        #expect(SHA256.hashesSeveral == (snap_sha256_is_supported() != 0))
        if !SHA256.hashesSeveral { print("several messages at once: this processor cannot, OpenSSL does them all") }
    }

    @Test func `no message, and empty ones`() throws {
        #expect(hasher.digests([]).isEmpty)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(hasher.digests([empty, empty, empty]).map(\.hex) == Array(repeating: Self.ofNothing, count: 3))
    }

    private static let ofNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// The examples of FIPS 180-4.
    @Test func `known digests`() throws {
        let texts = ["abc", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"].map { Array($0.utf8) }
        let digests = texts[0].withUnsafeBytes { one in texts[1].withUnsafeBytes { hasher.digests([one, $0, one]) } }
        let expected = [
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ]
        #expect(digests.map(\.hex) == [expected[0], expected[1], expected[0]])
    }

    /// Every length up to four blocks beside every number of others, and lengths around the ends of later blocks.
    @Test(arguments: 1...9) func `lengths around the ends of blocks`(count: Int) {
        var generator = SeededGenerator(seed: 5)
        let bytes = generator.bytes(9000)
        for length in 0...260 {
            check((0..<count).map { (length + 61 * $0) % 261 }, in: bytes)
            check(Array(repeating: length, count: count), in: bytes)
        }
        for blocks in [8, 16, 64, 128] {
            for offset in -10...10 {
                check((0..<count).map { 64 * blocks + offset * ($0 % 2 == 0 ? 1 : -1) }, in: bytes)
            }
        }
    }

    @Test func `messages of any lengths`() {
        let seed = TestScale.seed("messages")
        var generator = SeededGenerator(seed: seed)
        let bytes = generator.bytes(200_000)
        for _ in 0..<(200 * TestScale.factor) {
            let count = Int.random(in: 1...40, using: &generator)
            let lengths = (0..<count).map { _ in
                Int.random(in: 0...(generator.next() % 4 == 0 ? 150_000 : 3000), using: &generator)
            }
            check(lengths, in: bytes, from: Int.random(in: 0...100, using: &generator))
        }
    }
}
