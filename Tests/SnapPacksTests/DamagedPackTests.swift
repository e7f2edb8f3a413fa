import SnapDigest
import SnapModel
import SnapPacks
import TestSupport
import Testing

/// Packs that are not what they were: no wrong byte comes out of one.
@Suite struct DamagedPackTests {
    private func objects(_ pack: [UInt8]) throws -> [[UInt8]] {
        let backend = MemoryPackBackend()
        let id = PackID()
        backend.put(scope: "local", id: id, pack)
        return try backend.objects(id).map(\.bytes)
    }

    private func index(_ pack: [UInt8]) throws -> PackIndex {
        let backend = MemoryPackBackend()
        let id = PackID()
        backend.put(scope: "local", id: id, pack)
        return try PackIndex.read(backend: backend, scope: "local", id: id)
    }

    @Test func everyFlipIsDetected() throws {
        let pack = try NaivePack.sample()
        #expect(try objects(pack).count == 6)
        for index in pack.indices {
            for bit in 0..<8 {
                var damaged = pack
                damaged[index] ^= 1 << bit
                #expect(throws: PackError.self, "bit \(bit) of byte \(index)") { try objects(damaged) }
            }
        }
    }

    @Test func everyTruncationIsDetected() throws {
        let pack = try NaivePack.sample()
        for count in pack.indices {
            #expect(throws: PackError.self, "the first \(count) bytes") { try index(Array(pack[..<count])) }
            #expect(throws: PackError.self, "from byte \(count) on") {
                try index(Array(pack[count...].dropFirst(count == 0 ? 1 : 0)))
            }
        }
        #expect(throws: PackError.self) { try index(pack + [0]) }
        #expect(throws: PackError.self) { try index([0] + pack) }
        #expect(throws: PackError.self) { try index(pack + pack) }
    }

    @Test func theFooterIsAsTheFormatSays() throws {
        let pack = try NaivePack.sample()
        let index = try index(pack)
        #expect(index.frames.count == 2)
        let frames = Array(pack[16..<Int(index.endOfFrames)])
        #expect(try NaivePack.pack(frames: frames, footer: NaivePack.footer(index)) == pack)
    }

    /// A footer with the right digest may still say anything: it is refused, or is the one encoding of what it says.
    @Test func everyChangeOfAFooterIsRefusedOrAnotherFooter() throws {
        let pack = try NaivePack.sample()
        let good = try index(pack)
        let frames = Array(pack[16..<Int(good.endOfFrames)])
        let footer = NaivePack.footer(good)
        var accepted = 0
        func check(_ changed: [UInt8], _ what: String) throws {
            do {
                let found = try index(try NaivePack.pack(frames: frames, footer: changed))
                #expect(NaivePack.footer(found) == changed, "\(what)")
                accepted += 1
            } catch is PackError {}
        }
        for offset in footer.indices {
            var changed = footer
            for value in UInt8.min...UInt8.max where value != footer[offset] {
                changed[offset] = value
                try check(changed, "byte \(offset) is \(value)")
            }
            #expect(throws: PackError.self) {
                try index(try NaivePack.pack(frames: frames, footer: Array(footer[..<offset])))
            }
            for huge: UInt64 in [(1 << 23) + 1, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, .max] {
                try check(
                    footer[..<offset] + Naive.varint(huge) + footer[(offset + 1)...], "\(huge) at \(offset)")
            }
            // An over-long integer.
            try check(
                footer[..<offset] + [footer[offset] | 0x80, 0] + footer[(offset + 1)...], "over-long at \(offset)")
        }
        // Digests and checks may be any.
        #expect(accepted > 6 * 32 * 200)
    }

    @Test func trailersThatLie() throws {
        let pack = try NaivePack.sample()
        let start = pack.count - 44
        for length: UInt64 in [0, 1, UInt64(pack.count), 64 << 20, (64 << 20) + 1, 1 << 31, (1 << 32) - 1] {
            let changed = pack[..<start] + NaivePack.fixed(length, bytes: 4) + pack[(start + 4)...]
            #expect(throws: PackError.self, "a footer of \(length) bytes") { try index(Array(changed)) }
        }
        #expect(throws: PackError.self) { try index([]) }
        #expect(throws: PackError.self) { try index([UInt8](repeating: 0, count: 100_000)) }
        #expect(throws: PackError.self) { try index(try NaivePack.pack(frames: [1], footer: [0])) }
        #expect(throws: PackError.self) { try index(try NaivePack.pack(frames: [], footer: [])) }
    }

    /// Packs that another program could have written, just within the rules.
    @Test func theLargestThatIsAllowed() throws {
        let hasher = try SHA256()
        for (size, isAllowed) in [(8 << 20, true), ((8 << 20) + 1, false)] {
            let chunk = [UInt8](repeating: 1, count: 1 << 20)
            let digest = hasher.digest(chunk)
            let last = hasher.digest([1])
            let count = size > 8 << 20 ? 9 : 8
            let stored = ZstdFrame.good(size).encode()
            let objects = (0..<8).flatMap { _ in [1] + Naive.varint(1 << 20) + digest.bytes }
            let footer =
                [1, 1] + Naive.varint(UInt64(stored.count)) + Naive.varint(UInt64(size))
                + hasher.digest(stored).bytes[..<16] + [UInt8(count)] + objects
                + (count == 9 ? [1, 1] + last.bytes : [])
            let pack = try NaivePack.pack(frames: stored, footer: footer)
            if isAllowed {
                #expect(try index(pack).objects.count == 8)
            } else {
                #expect(throws: PackError.self) { try index(pack) }
            }
        }
    }

    @Test func aMissingPackIsMissing() throws {
        let error = #expect(throws: PackError.self) {
            try PackIndex.read(backend: MemoryPackBackend(), scope: "local", id: PackID())
        }
        #expect(error?.code == .missing)
    }
}
