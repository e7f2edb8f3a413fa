import SnapDigest
import SnapModel
import SnapPacks
import SnapTransfer
import TestSupport
import Testing

/// Lists of keys, their answers, and bundles: one encoding each, and nothing else is taken for one.
@Suite struct MessageTests {
    private func keys(_ count: Int, _ generator: inout SeededGenerator) throws -> [ObjectKey] {
        try (0..<count).map { number in
            ObjectKey([.chunk, .list, .tree, .manifest][number % 4], try SHA256().digest(generator.bytes(8)))
        }
    }

    @Test(arguments: [1, 7, 8, 9, 1000, 8192]) func listsAndAnswersReadBack(_ count: Int) throws {
        var generator = SeededGenerator(seed: TestScale.seed("lists of keys"))
        let list = KeyList(try keys(count, &generator))
        #expect(try KeyList.decode(list.encode()) == list && list.encode().count == 33 * count)
        let bits = MissingBits((0..<count).map { _ in generator.next() & 1 == 0 })
        #expect(try MissingBits.decode(bits.encode(), count: count) == bits)
        #expect(bits.encode().count == (count + 7) / 8)
        for other in [0, count - 8, count + 8] where other >= 0 {
            #expect(throws: FormatError.self) { try MissingBits.decode(bits.encode(), count: other) }
        }
    }

    @Test func whatIsNoList() throws {
        var generator = SeededGenerator(seed: 5)
        let sorted = KeyList(try keys(3, &generator)).encode()
        let (first, second) = (sorted[..<33], sorted[33..<66])
        var tooMany: [UInt8] = []
        for number in 0...8192 {
            tooMany.append(1)
            tooMany += [UInt8](repeating: 0, count: 30)
            tooMany += [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
        }
        var others: [[UInt8]] = [
            [], Array(sorted.dropLast()), sorted + [1], Array(second + first), Array(first + first),
        ]
        for kind: UInt8 in [0, 5, 6] { others.append([kind] + Array(first.dropFirst())) }
        others.append(tooMany)
        for bytes in others { #expect(throws: FormatError.self, "\(bytes.prefix(40))") { try KeyList.decode(bytes) } }
        #expect(throws: FormatError.self) { try MissingBits.decode([0b1000], count: 3) }
        #expect(try MissingBits.decode([0b0101], count: 3).flags == [true, false, true])
    }

    /// Objects of all sizes, and the bundle of them.
    private func bundle(_ generator: inout SeededGenerator) throws -> (objects: [ObjectKey: [UInt8]], bytes: [UInt8]) {
        var writer = try BundleWriter()
        var (objects, bytes): ([ObjectKey: [UInt8]], [UInt8]) = ([:], [])
        for size in [1, 70, 40_000, 1 << 20, 3, 600_000, 600_000, 9] {
            let object = size == 40_000 ? [UInt8](repeating: 7, count: size) : generator.bytes(size)
            let key = ObjectKey(.chunk, try SHA256().digest(object))
            objects[key] = object
            bytes += try object.withUnsafeBytes { try writer.add(key, $0) } ?? []
        }
        return (objects, bytes + (try writer.finish() ?? []))
    }

    private func opened(_ frames: [BundleFrame]) throws -> [ObjectKey: [UInt8]] {
        let opener = try BundleOpener()
        var found: [ObjectKey: [UInt8]] = [:]
        for frame in frames { try opener.open(frame) { for (key, bytes) in $0 { found[key] = Array(bytes) } } }
        return found
    }

    @Test(arguments: [1, 3, 1000, 1 << 16, 1 << 30]) func bundlesComeInPiecesOfAnySize(_ piece: Int) throws {
        var generator = SeededGenerator(seed: TestScale.seed("bundles"))
        let (objects, bytes) = try bundle(&generator)
        var parser = BundleParser()
        var frames: [BundleFrame] = []
        let input = piece == 1 ? Array(bytes.prefix(300_000)) : bytes
        for start in stride(from: 0, to: input.count, by: piece) {
            try input[start..<min(start + piece, input.count)].withUnsafeBytes { bytes in
                try parser.feed(bytes) { frames.append($0) }
            }
        }
        let found = try opened(frames)
        if piece == 1 {
            // Cut: what came whole is of use.
            #expect(!parser.isBetweenFrames && found.allSatisfy { objects[$0.key] == $0.value })
        } else {
            #expect(parser.isBetweenFrames && found == objects && frames.count > 2)
        }
    }

    /// Whatever is turned, nothing comes out that is not what its key says.
    @Test func damagedBundles() throws {
        var generator = SeededGenerator(seed: TestScale.seed("damaged bundles"))
        let object = [UInt8](repeating: 9, count: 3000) + generator.bytes(100)
        let key = ObjectKey(.chunk, try SHA256().digest(object))
        var writer = try BundleWriter()
        _ = try object.withUnsafeBytes { try writer.add(key, $0) }
        let bytes = try #require(try writer.finish())
        var refused = 0
        for index in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[index] ^= 1 << UInt8(bit)
                do {
                    var parser = BundleParser()
                    var frames: [BundleFrame] = []
                    try damaged.withUnsafeBytes { bytes in try parser.feed(bytes) { frames.append($0) } }
                    let found = try opened(frames)
                    guard parser.isBetweenFrames, !frames.isEmpty else {
                        refused += 1
                        continue
                    }
                    // Of a chunk's frame a bit may make one of another kind, whose bytes must be of that kind.
                    #expect(found.allSatisfy { $0.value == object && $0.key.digest == key.digest }, "\(index) \(bit)")
                } catch is FormatError {
                    refused += 1
                } catch is PackError {
                    refused += 1
                }
            }
        }
        #expect(refused >= bytes.count * 8 - 3)
    }

    @Test func whatMayNotBeInABundle() throws {
        let opener = try BundleOpener()
        func frame(_ key: ObjectKey, _ bytes: [UInt8]) throws -> BundleFrame {
            BundleFrame(
                info: FrameInfo(
                    offset: 0, storedBytes: UInt32(bytes.count), rawBytes: UInt32(bytes.count), codec: .raw,
                    check: Array(try SHA256().digest(bytes).bytes.prefix(FrameInfo.checkBytes))),
                objects: [(key, UInt32(bytes.count))], stored: bytes)
        }
        let bytes: [UInt8] = [1, 2, 3]
        let digest = try SHA256().digest(bytes)
        try opener.open(frame(ObjectKey(.chunk, digest), bytes)) {
            #expect($0.map { $0.key.digest } == [digest] && $0.map { Array($0.bytes) } == [bytes])
        }
        // The digest of other bytes, and nodes that are none.
        for key in [
            ObjectKey(.chunk, try SHA256().digest([1])), ObjectKey(.tree, digest), ObjectKey(.manifest, digest),
        ] {
            #expect(throws: FormatError.self) { try opener.open(frame(key, bytes)) { _ in Issue.record("given") } }
        }
        // A record is each store's own.
        let encoded = try frame(ObjectKey(.record, digest), bytes).encode()
        var parser = BundleParser()
        #expect(throws: FormatError.self) { try encoded.withUnsafeBytes { try parser.feed($0) { _ in } } }
        // Headers of no length, or of too great a one.
        for length: [UInt8] in [[0, 0, 0, 0], [255, 255, 255, 255]] {
            var parser = BundleParser()
            #expect(throws: FormatError.self) { try length.withUnsafeBytes { try parser.feed($0) { _ in } } }
        }
    }
}
