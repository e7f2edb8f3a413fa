import SnapCore
import SnapDigest
import SnapIO
import SnapModel
import SnapTrees
import TestSupport
import Testing

/// A stat cache that was written by something else, or not to its end, is not believed, though each check of its blocks
/// is right.
@Suite struct StatCacheFileTests {
    private func capture(_ fixture: CaptureFixture) throws -> CaptureResult {
        var options = CaptureOptions(kind: .directory)
        options.storePath = fixture.store
        return try Capture(sink: MemorySink(), options: options).run(directory: fixture.tree)
    }

    private func cachePath(_ fixture: CaptureFixture) throws -> String {
        let directory = fixture.store + "/cache/stat"
        let names = try Kernel.names(inDirectory: directory).map { String(decoding: $0, as: UTF8.self) }
        return directory + "/" + (try #require(names.first { !$0.hasSuffix(".new") }))
    }

    private static let magic = Array("SNAPSTAT 2\n".utf8)
    /// The magic, the digest of a manifest and its check.
    private static let headBytes = magic.count + 32 + 16

    private func block(_ bytes: [UInt8]) throws -> [UInt8] {
        withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) }
            + Array(try SHA256().digest(bytes).bytes.prefix(16)) + bytes
    }

    @Test func `a file that is no stat cache of this version is not believed`() async throws {
        let fixture = try CaptureFixture()
        guard try Kernel.fileSystem(of: Kernel.open(fixture.tree, .readOnly)).hasTrustedTimes else { return }
        // Inline, so that nothing needs a store.
        try fixture.write("a", patternBytes(40))
        try await Task.sleep(for: .milliseconds(2200))
        try capture(fixture).statCache?.publish()
        let path = try cachePath(fixture)
        let good = try Kernel.readFile(path, limit: 1 << 20)
        let head = Array(good.prefix(Self.headBytes))
        let entries = Array(good.dropFirst(Self.headBytes + 20))
        var shared = entries
        // The first path shares nothing with the one before, because there is none.
        #expect(shared[0] == 0)
        shared[0] = 5
        let files: [(String, [UInt8], isKnown: Bool)] = [
            ("what was written", head + (try block(entries)), true),
            (
                "another version", Array("SNAPSTAT 1\n".utf8) + head.dropFirst(Self.magic.count) + (try block(entries)),
                false
            ),
            ("an empty block before", head + (try block([])) + (try block(entries)), false),
            ("a block too long", head + (try block(entries + [UInt8](repeating: 0, count: 256 << 10))), false),
            ("a path that shares too much", head + (try block(shared)), false),
        ]
        #expect(good == files[0].1)
        let flipped = good.indices.map { index in
            var bytes = good
            bytes[index] ^= 1 << UInt8(index % 8)
            return ("byte \(index) turned", bytes, isKnown: false)
        }
        for (what, bytes, isKnown) in files + flipped {
            try path.write(bytes)
            let counts = try capture(fixture).counts
            #expect(counts.unchangedFiles == (isKnown ? 1 : 0), "\(what)")
            #expect(counts.readBytes == (isKnown ? 0 : 40), "\(what)")
        }
    }

    @Test func `one walk of a root writes its cache at a time`() throws {
        let fixture = try CaptureFixture()
        try fixture.write("a", [1, 2, 3])
        let first = try capture(fixture)
        let second = try capture(fixture)
        #expect(first.statCache != nil && second.statCache == nil)
    }

    @Test func `of no files no block is written`() throws {
        let fixture = try CaptureFixture()
        try capture(fixture).statCache?.publish()
        #expect(try Kernel.readFile(cachePath(fixture), limit: 1 << 20).count == Self.headBytes)
    }
}
