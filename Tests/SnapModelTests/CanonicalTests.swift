import SnapDigest
import SnapModel
import TestSupport
import Testing

/// One value has one encoding: whatever a decoder accepts, an encoder gives back byte by byte. Nothing traps.
@Suite struct CanonicalTests {
    @Test func everyFormatHasASample() throws {
        try #require(Encoding.all.count == 8)
        for encoding in Encoding.all {
            #expect(try encoding.reencode(encoding.sample) == encoding.sample, "\(encoding.testDescription)")
        }
    }

    @Test(arguments: Encoding.all)
    func truncationAtEveryOffsetIsRefused(_ encoding: Encoding) throws {
        for count in encoding.sample.indices {
            let bytes = Array(encoding.sample[..<count])
            // A link table is a stream, which may end after any group.
            if encoding.testDescription == "link table", (try? encoding.reencode(bytes)) == bytes { continue }
            #expect(throws: FormatError.self, "the first \(count) bytes") { try encoding.reencode(bytes) }
        }
    }

    @Test(arguments: Encoding.all)
    func everyChangeOfOneByteIsRefusedOrAnotherValue(_ encoding: Encoding) throws {
        var accepted = 0
        for offset in encoding.sample.indices {
            var bytes = encoding.sample
            for value in UInt8.min...UInt8.max where value != encoding.sample[offset] {
                bytes[offset] = value
                guard try isCanonicalOrRefused(encoding, bytes, "byte \(offset) is \(value)") else { continue }
                accepted += 1
            }
        }
        // Digests, names and times may be any: a decoder that refuses all would pass otherwise.
        #expect(accepted > encoding.sample.count)
    }

    @Test(arguments: Encoding.all)
    func insertionsAndRemovalsAreRefusedOrAnotherValue(_ encoding: Encoding) throws {
        for offset in 0...encoding.sample.count {
            for value: UInt8 in [0, 1, 0x22, 0x2c, 0x2f, 0x7f, 0x80, 0xff] {
                var bytes = encoding.sample
                bytes.insert(value, at: offset)
                _ = try isCanonicalOrRefused(encoding, bytes, "\(value) inserted at \(offset)")
            }
            guard offset < encoding.sample.count else { continue }
            for count in [1, 2, 32] where offset + count <= encoding.sample.count {
                var bytes = encoding.sample
                bytes.removeSubrange(offset..<(offset + count))
                _ = try isCanonicalOrRefused(encoding, bytes, "\(count) bytes removed at \(offset)")
            }
        }
    }

    /// Lengths and counts that no machine has, wherever an integer may stand.
    @Test(arguments: Encoding.all)
    func hugeIntegersAreRefused(_ encoding: Encoding) throws {
        let huge: [UInt64] = [
            (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 53) + 1, (1 << 60) + 1, 1 << 62, (1 << 63) - 1,
            1 << 63, .max - 1, .max,
        ]
        for offset in 0...encoding.sample.count {
            for value in huge {
                for number in [Naive.varint(value), Array(String(value).utf8)] {
                    let inserted = encoding.sample[..<offset] + number + encoding.sample[offset...]
                    _ = try isCanonicalOrRefused(encoding, Array(inserted), "\(value) inserted at \(offset)")
                    guard offset < encoding.sample.count else { continue }
                    let replaced = encoding.sample[..<offset] + number + encoding.sample[(offset + 1)...]
                    _ = try isCanonicalOrRefused(encoding, Array(replaced), "\(value) in place of \(offset)")
                }
            }
        }
    }

    /// Two integers of one value must not both be accepted.
    @Test(arguments: Encoding.all)
    func overLongIntegersAreRefused(_ encoding: Encoding) throws {
        for offset in encoding.sample.indices where encoding.sample[offset] < 0x80 {
            for zeros in 1...9 {
                var number = [encoding.sample[offset] | 0x80]
                number += [UInt8](repeating: 0x80, count: zeros - 1) + [0]
                let bytes = encoding.sample[..<offset] + number + encoding.sample[(offset + 1)...]
                _ = try isCanonicalOrRefused(encoding, Array(bytes), "\(zeros) zero groups at \(offset)")
            }
        }
    }

    @Test(arguments: Encoding.all)
    func noiseIsRefusedOrAnotherValue(_ encoding: Encoding) throws {
        var generator = SeededGenerator(seed: TestScale.seed("noise \(encoding.testDescription)"))
        for round in 0..<(2000 * TestScale.factor) {
            var bytes = encoding.sample
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let start = Int.random(in: 0...bytes.count, using: &generator)
                let end = min(bytes.count, start + Int.random(in: 0...8, using: &generator))
                bytes.replaceSubrange(start..<end, with: generator.bytes(Int.random(in: 0...8, using: &generator)))
            }
            _ = try isCanonicalOrRefused(encoding, bytes, "round \(round)")
        }
    }

    /// Whether the bytes were accepted; then the value must encode to just these.
    private func isCanonicalOrRefused(_ encoding: Encoding, _ bytes: [UInt8], _ what: String) throws -> Bool {
        do {
            let again = try encoding.reencode(bytes)
            if again != bytes { Issue.record("\(what): \(Hex.encode(bytes)) became \(Hex.encode(again))") }
            return true
        } catch is FormatError {
            return false
        }
    }
}

/// Integers: shortest form only, 64 bits at most.
@Suite struct VarintTests {
    private func read(_ bytes: [UInt8]) -> Result<UInt64, FormatError> {
        var reader = ByteReader(bytes, "number")
        return Result { () throws(FormatError) in
            let value = try reader.varint()
            try reader.end()
            return value
        }
    }

    @Test func everyLengthAndBorder() throws {
        var values: Set<UInt64> = [0, .max]
        for shift in 0..<64 {
            for offset: UInt64 in [0, 1, .max] { values.insert((1 << UInt64(shift)) &+ offset) }
        }
        for value in values {
            var writer = ByteWriter()
            writer.varint(value)
            #expect(writer.bytes == Naive.varint(value))
            #expect(try read(writer.bytes).get() == value)
            for count in 0..<writer.bytes.count {
                #expect(throws: FormatError.self) { try read(Array(writer.bytes[..<count])).get() }
            }
            // The same value with one zero group more.
            var long = writer.bytes
            long[long.count - 1] |= 0x80
            #expect(throws: FormatError.self) { try read(long + [0]).get() }
        }
    }

    @Test func everyEncodingOfTwoBytes() throws {
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                let isCanonical = first >= 0x80 && (1..<0x80).contains(second)
                let value = UInt64(first & 0x7f) + UInt64(second & 0x7f) * 128
                #expect((try? read([first, second]).get()) == (isCanonical ? value : nil))
            }
        }
    }

    @Test func over64Bits() {
        let nines = [UInt8](repeating: 0xff, count: 9)
        #expect((try? read(nines + [1]).get()) == .max)
        for last in UInt8(2)...UInt8.max { #expect((try? read(nines + [last]).get()) == nil) }
        #expect((try? read([UInt8](repeating: 0x80, count: 10) + [1]).get()) == nil)
        #expect((try? read([UInt8](repeating: 0xff, count: 1000)).get()) == nil)
    }

    @Test func zigzagBorders() throws {
        for value in [Int64.min, .min + 1, -2, -1, 0, 1, 2, .max - 1, .max] {
            var writer = ByteWriter()
            writer.zigzag(value)
            var reader = ByteReader(writer.bytes, "number")
            #expect(try reader.zigzag() == value)
        }
    }

    @Test func aReaderKeepsWithinItsBytes() throws {
        var reader = ByteReader([1, 2, 3], "number")
        #expect(throws: FormatError.self) { try reader.raw(4) }
        #expect(throws: FormatError.self) { try reader.raw(-1) }
        #expect(throws: FormatError.self) { try reader.raw(.max) }
        #expect(throws: FormatError.self) { try reader.fixed(UInt32.self) }
        #expect(throws: FormatError.self) { try reader.digest() }
        #expect(try reader.raw(3) == [1, 2, 3])
        #expect(throws: FormatError.self) { try reader.byte() }
        #expect(ByteReader([1], "number", from: 5).remaining == 0)
        #expect(ByteReader([1], "number", from: -5).remaining == 1)
    }
}
